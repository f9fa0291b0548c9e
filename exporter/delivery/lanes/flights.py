"""The requests of the set lane that are under way: launched, renewed, counted as hanging, cut.

The wire and its threads only speak HTTP; everything else here belongs to the coordinating thread.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError

from exporter.delivery.body import Body
from exporter.delivery.in_flight import Sent
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lease import MARGIN_SECONDS
from exporter.delivery.settings_in_force import Current
from exporter.delivery.turn import LAST_MOMENT, STOP_SECONDS
from exporter.destinations import packing
from exporter.destinations.answer import OF_OURS
from exporter.destinations.sender import Senders
from exporter.destinations.wire import Wire
from exporter.dispatch.shutdown import stopping
from exporter.sql import execute

# A request without an answer for so long counts as hanging: it takes no healthy one's place any more. Of these there
# are at most so many; beyond it the eldest is cut.
HANGS_AFTER = 1.0
MOST_HANGING = 128
MOST_HEALTHY = 128
LOOK_SECONDS = 0.25
_wire = Wire(Senders(MOST_HEALTHY + MOST_HANGING, "small-sender"), "small-wire")

_RENEW = """
UPDATE exporter_delivery d SET lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
  FROM unnest(%(ids)s::bigint[], %(tokens)s::uuid[]) AS n(id, token)
 WHERE d.id = n.id AND d.lease_token = n.token RETURNING n.id, n.token
"""


class _Late(Exception):
    """The body was not begun in time: its lease is about to end, or the process stops."""


# How the sender names a body that was not begun.
LATE = f"{OF_OURS} ({_Late.__name__})"


Key = tuple[int, uuid.UUID]


@dataclass(slots=True)
class Flying:
    claimed: Claimed
    sent: Sent


class Flights:
    """`landed` is called from another thread when the first of several answers has come. Clocks are told as the
    seconds by which the database's is ahead of the monotonic one."""

    def __init__(self, landed: Callable[[], None]) -> None:
        self._tell = landed
        # By the lease too: a delivery whose lease was lost may be claimed again before its cut request has ended.
        self._flying: dict[Key, Flying] = {}
        self._answered: deque[tuple[Key, float]] = deque()
        self._hanging = 0
        self._stop_at = float("inf")
        self.looked = 0.0

    def __len__(self) -> int:
        return len(self._flying)

    @property
    def healthy(self) -> int:
        """How many do not hang."""
        return len(self._flying) - self._hanging

    @property
    def answered(self) -> bool:
        return bool(self._answered)

    def launch(self, claimed: Claimed, body: Body, current: Current, clock: float) -> None:
        def wrapped() -> bytes:
            if stopping.is_set() or claimed.until - time.monotonic() < MARGIN_SECONDS:
                raise _Late
            return packing.wrap(body.calls, datetime.fromtimestamp(time.monotonic() + clock, UTC))

        key = (claimed.delivery_id, claimed.token)

        def done() -> None:
            self._answered.append((key, time.monotonic()))
            if len(self._answered) == 1:
                self._tell()

        flight = _wire.launch(current.endpoint, current.authorization, wrapped, done)
        sent = Sent(body, current, flight, time.monotonic() + clock)
        self._flying[key] = Flying(claimed, sent)

    def collect(self, clock: float) -> Iterator[Flying]:
        """Takes out those that were answered."""
        while self._answered:
            key, at = self._answered.popleft()
            flying = self._flying.pop(key, None)
            if flying is not None:
                flying.sent.ended = at + clock
                yield flying

    def look_after(self, now: float) -> None:
        """Renews leases, cuts what has flown too long, counts what hangs.

        Raises:
            DatabaseError: the leases could not be renewed; what could outlast its own was cut.
        """
        if now - self.looked < LOOK_SECONDS and not stopping.is_set():
            return
        self.looked = now
        hanging = [each for each in self._flying.values() if each.sent.flight.seconds > HANGS_AFTER]
        hanging.sort(key=lambda each: each.sent.flight.started)
        over = max(0, len(hanging) - MOST_HANGING)
        self._hanging = len(hanging) - over
        _cut([*hanging[:over], *(each for each in hanging if each.sent.flight.overdue)])
        if stopping.is_set():
            self._stop_at = min(self._stop_at, now + STOP_SECONDS)
            if now > self._stop_at:
                self.cut()
        self._renew(now)

    def cut(self) -> None:
        """All of them."""
        _cut(self._flying.values())

    def _renew(self, now: float) -> None:
        term = float(settings.CURRENTS_LEASE_SECONDS)
        due = {key: each for key, each in self._flying.items() if each.claimed.until - now < term * 2 / 3}
        if not due:
            return
        ids, tokens = zip(*due, strict=True)
        try:
            rows = execute(_RENEW, {"ids": list(ids), "tokens": list(tokens), "seconds": term})
        except DatabaseError:
            _cut(each for each in due.values() if each.claimed.until - now < LAST_MOMENT)
            raise
        kept = {(delivery_id, token) for delivery_id, token in rows}
        for key in kept:
            due[key].claimed.until = now + term
        _cut(each for key, each in due.items() if key not in kept)


def _cut(some: Iterable[Flying]) -> None:
    for each in some:
        each.sent.flight.cut()
