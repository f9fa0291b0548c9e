"""A replay: a delivery of its own over a range that was delivered before, with its own ledger, lease and rate limit.

It is an ordinary turn that reads other events and, where one is accepted that had expired or been rejected, moves it in
the live ledger to delivered. What was imported for one connector is replayed the same way, from batches of its own.
"""

from __future__ import annotations

import time
from typing import Any

from exporter.delivery import recovery, replay_places
from exporter.delivery.body import Body
from exporter.delivery.imported_reader import ImportedReader, reader_of
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.probe import NEIGHBOURS
from exporter.delivery.replay_reader import ReplayReader
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Gone
from exporter.delivery.settle import Statement
from exporter.delivery.step import Tried
from exporter.delivery.turn import LONG_TURN, SHORT_TURN, Turn
from exporter.destinations.packing import Limits
from exporter.dispatch.shutdown import stopping
from exporter.ledger.outcomes import Outcome
from exporter.models import Replay, ReplayState
from exporter.sql import execute

# A person who pauses, cancels or changes the rate is heard this soon.
_LOOK_SECONDS = 1.0
# Whether a place is wanted is asked of a turn that is no longer short.
_STATE = f"""
SELECT r.state, r.rate, %(long)s AND {replay_places.WANTED} FROM exporter_replay r WHERE r.id = %(id)s
"""  # noqa: S608 - constants of ours


class ReplayTurn(Turn):
    """A turn of a replay. It raises Gone where the replay was deleted with its connector."""

    reader: ReplayReader | ImportedReader

    def __init__(self, lease: Lease) -> None:
        found = Replay.objects.filter(delivery_id=lease.delivery_id).first()
        if found is None:
            raise Gone
        self.replay = found
        self.asked_at = time.monotonic()
        self.state = self.replay.state
        # Events that may go now, refilled by the rate; never more than two seconds' worth.
        self.allowance, self.filled_at = 0.0, self.asked_at
        super().__init__(lease)

    def new_reader(self) -> ReplayReader | ImportedReader:
        made = reader_of(self.lease, self.replay, self.current.plan, self.current.revision_id)
        if (before := getattr(self, "reader", None)) is not None:
            # Bodies made under the settings before may still be in flight.
            made.was = before.was
        return made

    def work(self) -> Ended:
        if self.state != ReplayState.RUNNING or not self.current.live:
            return Ended.HELD
        ended = super().work()
        return Ended.DONE if self._is_through() else ended

    def limits(self, most_events: int = Limits().events) -> Limits:
        """With a rate, bodies of at most a second's worth, so that it is kept within the second. A probe may be more:
        a single event is judged by its neighbours."""
        if most_events > NEIGHBOURS:
            most_events = min(most_events, self.replay.rate or most_events)
        return super().limits(most_events)

    def beside(self, pieces: list[Piece]) -> Statement | None:
        was = self.reader.was
        if not was:
            return None
        rejected, expired = [], []
        for number in [number for piece in pieces if piece.received for number in piece.numbers]:
            before = was.get(number)
            if before is None:
                continue
            if before.outcome == Outcome.REJECTED:
                rejected.append((number, before.minute))
            elif before.outcome == Outcome.EXPIRED:
                expired.append(recovery.Expired(number, before.minute, before.event_type))
        if not rejected and not expired:
            return None
        return recovery.statement(self.lease.delivery_id, self.lease.connector_id, rejected, expired)

    def settle(self, pieces: list[Piece], tried: list[Tried], **more: Any) -> None:
        super().settle(pieces, tried, **more)
        if self.reader.was:
            for number in [number for piece in pieces for number in piece.numbers]:
                self.reader.was.pop(number, None)

    def _wait(self) -> Ended | None:
        if self._is_through():
            return Ended.DONE
        return super()._wait()

    def _is_through(self) -> bool:
        idle = not self.line.flying and not self.done and self.ready is None
        return idle and self.lease.stop is not None and self.lease.cursor >= self.lease.stop

    def _over(self) -> bool:
        now = time.monotonic()
        if now - self.asked_at > _LOOK_SECONDS:
            self.asked_at = now
            terms = replay_places.terms() | {"id": self.replay.pk, "long": now - self.began > SHORT_TURN}
            rows = execute(_STATE, terms)
            if not rows:
                raise Gone
            self.state, self.replay.rate, wanted = rows[0]
            self.ended = self.ended or wanted
        over = stopping.is_set() or not self.lease.may_send or now - self.began > LONG_TURN
        return over or self.ended or self.state != ReplayState.RUNNING

    def _room(self) -> bool:
        """Also whether the rate allows the next body now."""
        if not super()._room():
            return False
        rate = self.replay.rate
        if not rate or self.ready is None or not self.ready.calls:
            return True
        now = time.monotonic()
        self.allowance = min(2.0 * rate, self.allowance + (now - self.filled_at) * rate)
        self.filled_at = now
        return self.allowance >= min(len(self.ready.calls), rate)

    def launched(self, body: Body) -> None:
        self.allowance -= len(body.calls)
