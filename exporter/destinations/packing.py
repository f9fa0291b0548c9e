"""Calls → request bodies, within Segment's limits.

Segment takes 500 KB and 2,500 events a body (twilio.com/docs/segment, HTTP API) and answers 200 while dropping what
is beyond 2,500; whether a KB is 1,000 or 1,024 bytes is not said, so bodies stay below 475,000 bytes as its own
libraries do.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

MOST_BYTES = 475_000
MOST_EVENTS = 2_500
CAREFUL_EVENTS = 250

_HEAD = b'{"batch":['
_TAIL = b'],"sentAt":"%s"}'
ENVELOPE = len(_HEAD) + len(_TAIL % b"2026-01-02T03:04:05.678Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest body: bytes of the finished body, number of calls."""

    bytes: int = MOST_BYTES
    events: int = MOST_EVENTS


def how_many_fit(used: int, count: int, calls: Sequence[bytes], limits: Limits) -> int:
    """How many of `calls`, from the first on, may join `count` calls of `used` bytes (commas included). A first call
    always may: one call alone (at most 32,000 bytes) is below every limit in use."""
    # Each call costs its bytes and a comma, but the first of a body.
    room = limits.bytes - ENVELOPE - used + (count == 0)
    ends = list(accumulate(map(len, calls)))
    fitting = bisect_right(range(len(calls)), room, key=lambda place: ends[place] + place + 1)
    fitting = min(fitting, limits.events - count)
    return max(fitting, 1 if count == 0 and calls else 0)


def wrap(calls: Sequence[bytes], sent_at: datetime) -> bytes:
    """The request body; `sent_at`, in UTC, must be of this very attempt. It is sent with its milliseconds."""
    stamp = sent_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b"".join((_HEAD, b",".join(calls), _TAIL % stamp.encode()))
