"""One event as the log keeps it."""

from typing import NamedTuple


class Incoming(NamedTuple):
    """An accepted event.

    ``line``: compact flat JSON without a line break, beginning with event_type, id and time; ``event_type``:
    in the catalogue's spelling; ``id_hash``: BLAKE2b, 8 bytes; ``anonymous``: the event has no external user
    id.
    """

    line: bytes
    id: str
    id_hash: bytes
    event_type: str
    anonymous: bool
