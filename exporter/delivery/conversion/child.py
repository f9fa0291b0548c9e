"""The converter's process: `python -m exporter.delivery.conversion.child`. It has no database, no key and no network;
it ends when its worker does, for then its input ends, and after a while without work."""

from __future__ import annotations

import array
import select
import signal
import sys
from functools import lru_cache
from io import FileIO

import msgspec

from exporter.delivery.conversion import frames
from exporter.delivery.conversion.frames import NOT_DONE, Converted, Kind, Wanted
from exporter.destinations.segment.transform import Plan, convert
from exporter.log import unpacking

# Its memory is a third of a worker's.
IDLE_SECONDS = 30.0

_decode = msgspec.msgpack.Decoder(Wanted).decode
_encode = msgspec.msgpack.Encoder().encode


def main() -> None:
    # Its worker says when it ends; a signal to all processes of a terminal is not meant for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Without buffers of their own, so that `select` sees all there is.
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=0) as sink:
        try:
            while _is_asked(source) and (request := frames.read(source)) is not None:
                frames.write(sink, answer(request))
        except OSError:
            pass  # The worker is gone.


def _is_asked(source: FileIO) -> bool:
    return bool(select.select([source], [], [], IDLE_SECONDS)[0])


def answer(request: bytes) -> bytes:
    """Whatever is wrong with a batch: whoever asked has the means to tell."""
    try:
        return _encode(_converted(_decode(request)))
    except Exception:
        return _encode(NOT_DONE)


def _converted(wanted: Wanted) -> Converted:
    plan = _plan(wanted.selected, wanted.include_anonymous)
    kinds: dict[tuple[str, str, str], int] = {}
    places = array.array("H")
    calls = []
    for event_type, outcome, call, reason in [
        convert(line, plan) for line in unpacking.lines(wanted.payload)
    ]:
        places.append(kinds.setdefault((event_type, outcome, reason), len(kinds)))
        if call is not None:
            calls.append(call)
    if sys.byteorder == "big":
        places.byteswap()
    return Converted([Kind(*kind) for kind in kinds], places.tobytes(), calls)


@lru_cache(maxsize=64)
def _plan(selected: tuple[str, ...], include_anonymous: bool) -> Plan:
    return Plan(frozenset(selected), include_anonymous)


if __name__ == "__main__":
    main()
