"""The small body of a claimed delivery: what a crash repeats of a connector at most."""

from __future__ import annotations

from exporter.delivery.body import Body
from exporter.delivery.lanes.claim import MOST_EVENTS, Claimed
from exporter.delivery.reader import Reader
from exporter.delivery.settings_in_force import Current
from exporter.destinations.packing import Limits

# So many bytes are taken even by a destination that refused a larger body within the last hour.
SMALL = Limits(bytes=100_000, events=MOST_EVENTS)


class NotSmall(Exception):
    """What waits cannot be read at once, or not at all."""


def small_body(claimed: Claimed, current: Current) -> Body:
    """The small body of what waits.

    Raises:
        NotSmall: it is not small, or lies below the log's first event.
        Damaged: it cannot be read.
    """
    read = [(header, payload) for header, payload in claimed.batches if payload is not None]
    if not claimed.batches:
        return Body(claimed.cursor, claimed.cursor, current.revision_id)
    if not read or read[0][0].first_event > claimed.cursor:
        raise NotSmall
    reader = Reader(claimed.workspace_id, current.plan, current.revision_id)
    reader.hold(read)
    return reader.make(claimed.cursor, read[-1][0].end_event, SMALL)
