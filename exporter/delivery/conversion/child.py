"""The converter's process: `python -m exporter.delivery.conversion.child`. It has no database, no key and no network;
it ends when its input does, which its worker ends with itself or after a while without work."""

from __future__ import annotations

import array
import signal
import sys
from functools import lru_cache

import msgspec

from exporter.delivery.conversion import frames
from exporter.delivery.conversion.frames import NOT_DONE, Converted, Kind, Wanted
from exporter.destinations.segment.transform import Plan, convert
from exporter.log import unpacking

_decode = msgspec.msgpack.Decoder(Wanted).decode
_encode = msgspec.msgpack.Encoder().encode


def main() -> None:
    # Its worker says when it ends; a signal to all processes of a terminal is not meant for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(0, "rb", buffering=0) as source, open(1, "wb", buffering=0) as sink:
        try:
            while (request := frames.read(source)) is not None:
                frames.write(sink, answer(request))
        except OSError:
            pass  # The worker is gone.


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
