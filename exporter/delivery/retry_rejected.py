"""Retrying rejected events: a delivery of kind `retry`, beside the live one.

It walks the numbers from the first rejected event to the last; everything in between counts as `unselected` in its own
ledger. Each event that Segment now accepts moves in the live ledger from `rejected` to `delivered`, together with the
settle of this delivery, so an event has one outcome whatever breaks. What is rejected again stays rejected, with the
new reason.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from exporter.delivery import key_refusal, recovery, settings_in_force
from exporter.delivery.body import Body
from exporter.delivery.in_flight import InFlight, Sent
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Current
from exporter.delivery.settle import Step, Trouble, settle
from exporter.delivery.turn import LAST_MOMENT, LONG_TURN
from exporter.destinations import backoff
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import Limits, fits
from exporter.destinations.segment.transform import convert
from exporter.dispatch.shutdown import stopping
from exporter.ledger.outcomes import Outcome
from exporter.log import lookup
from exporter.log.batches import OTHER
from exporter.models import Settled, Stopped
from exporter.sql import execute

MOST_EVENTS = 500
# So many events turned down one after the other, with none accepted, are not the events' fault.
MOST_REFUSED = 20

_ITEMS = """
SELECT r.event_number, r.event_type FROM exporter_rejectedevent r
  JOIN exporter_delivery d ON d.id = %(id)s AND r.at <= d.created_at
 WHERE r.connector_id = %(connector)s AND r.event_number >= %(cursor)s AND r.event_number < %(stop)s
 ORDER BY r.event_number LIMIT %(most)s
"""
_CREATED = "SELECT created_at FROM exporter_delivery WHERE id = %(id)s"
_REASON = """
UPDATE exporter_rejectedevent SET reason = %(reason)s
 WHERE connector_id = %(connector)s AND event_number = %(number)s RETURNING id
"""


def deliver(lease: Lease) -> Ended:
    """One turn.

    Raises:
        LeaseLost, Gone, KeyUnreadable: see `exporter.delivery`.
    """
    current = settings_in_force.current(lease.connector_id)
    if not current.live:
        return Ended.HELD
    if _too_old(lease):
        return _finish(lease, current)
    return _Turn(lease, current).work()


class _Turn:
    """`most` is how many events go into one body: fewer after a rejection, more after an acceptance."""

    def __init__(self, lease: Lease, current: Current) -> None:
        self.lease = lease
        self.current = current
        self.line = InFlight(lease)
        self.most = 1 if lease.stopped else MOST_EVENTS
        self.refused, self.accepted = 0, False

    def work(self) -> Ended:
        began = time.monotonic()
        while time.monotonic() - began < LONG_TURN and self.lease.may_send and not stopping.is_set():
            current = settings_in_force.current(self.lease.connector_id)
            if not current.live:
                return Ended.HELD
            self.current = current
            body = self._body()
            if body is None:
                return _finish(self.lease, self.current)
            if body.calls and not self._send(body):
                return Ended.FAILED
            if not body.calls:
                settle(self.lease, Step(body.end, [Piece.of(body, self.lease.now())]))
            if self.refused >= MOST_REFUSED:
                return _finish(self.lease, self.current)
        return Ended.BEHIND

    def _body(self) -> Body | None:
        """The next events that may be sent under the present settings; None if none is left. An event that may not be
        sent, or whose bytes were trimmed, stays rejected."""
        lease = self.lease
        rows = execute(_ITEMS, {**self._range(), "most": self.most})
        if not rows:
            return None
        lines = lookup.read(lease.workspace_id, [number for number, _type in rows])
        body, limits = Body(lease.cursor, lease.cursor, self.current.revision_id), Limits()
        for number, event_type in rows:
            kept = lines.get(number)
            call = convert(kept.line, self.current.plan).call if kept else None
            if kept is not None and call is not None:
                if not fits(body.size, len(body.calls), call, limits):
                    break
                body.size += len(call) + (len(body.calls) > 0)
                body.calls.append(call)
                body.numbers.append(number)
                body.sent[_minute(kept.received_at), event_type, Outcome.DELIVERED] += 1
                body.received.append((kept.received_at.timestamp(), 1))
            body.end = number + 1
        body.left = _passed_over(lease, body.end - body.first - len(body.calls))
        return body

    def _range(self) -> dict[str, Any]:
        lease = self.lease
        return {
            "id": lease.delivery_id,
            "connector": lease.connector_id,
            "cursor": lease.cursor,
            "stop": lease.stop,
        }

    def _send(self, body: Body) -> bool:
        """Sends and settles; False if it must be tried again later."""
        self.line.launch(body, self.current)
        sent = self._answered()
        verdict = sent.verdict()
        if verdict == Verdict.ACCEPTED:
            self._accept(sent)
        elif verdict == Verdict.KEY_REJECTED and self._key_replaced():
            settle(self.lease, Step(self.lease.cursor, tried=[sent.tried()]))
        elif verdict == Verdict.REFUSED_BODY or (verdict in _STOPS and not self._is_enough(body)):
            self._refuse(sent)
        else:
            wait = backoff.wait(sent.answer(), self.lease.failures + 1, datetime.now(UTC), random.random())  # noqa: S311
            stopped = _STOPS.get(verdict, "")
            if verdict == Verdict.KEY_REJECTED:
                key_refusal.note(self.lease.connector_id, sent.current.write_key_id)
            settle(
                self.lease, Step(self.lease.cursor, tried=[sent.tried(wait)], trouble=Trouble(wait, stopped))
            )
            return False
        return True

    def _accept(self, sent: Sent) -> None:
        self.refused, self.accepted, self.most = 0, True, min(2 * self.most, MOST_EVENTS)
        body = sent.body
        rejected = zip(body.numbers, _minutes(body), strict=True)
        beside = recovery.statement(self.lease.delivery_id, self.lease.connector_id, rejected)
        step = Step(body.end, [Piece.of(body, sent.ended)], [], [sent.tried()], accepted=True)
        settle(self.lease, step, beside=beside)

    def _refuse(self, sent: Sent) -> None:
        body = sent.body
        if len(body.calls) > 1:
            self.most = len(body.calls) // 2
            settle(self.lease, Step(self.lease.cursor, tried=[sent.tried()]))
            return
        self.refused += 1
        said = sent.answer().body[:300].decode(errors="replace").replace("\0", "").strip()
        reason = f"Segment answered {sent.answer().status} to this event alone: {said or 'without a reason'}"
        terms = {"connector": self.lease.connector_id, "number": body.numbers[0], "reason": reason[:500]}
        step = Step(body.end, [Piece.of(body.rejected(reason), sent.ended)], [], [sent.tried()])
        settle(self.lease, step, beside=(_REASON, terms))

    def _is_enough(self, body: Body) -> bool:
        """Whether the connection is to blame: a second single event was turned down, with none accepted in between."""
        if len(body.calls) > 1:
            return False
        return self.refused > 0 or bool(self.lease.stopped) or self._is_alone(body)

    def _is_alone(self, body: Body) -> bool:
        """No neighbour can tell the event from the connection: none was accepted, and none is left to ask."""
        terms = {**self._range(), "cursor": body.end, "most": 1}
        return not self.accepted and not execute(_ITEMS, terms)

    def _key_replaced(self) -> bool:
        now = settings_in_force.current(self.lease.connector_id)
        return (now.write_key_id, now.endpoint) != (self.current.write_key_id, self.current.endpoint)

    def _answered(self) -> Sent:
        while True:
            self.line.wait(0.25)
            landed = self.line.landed()
            if landed:
                return landed[0]
            if self.lease.seconds_left < LAST_MOMENT:
                self.line.cut()
            elif self.lease.wants_renewal:
                self.lease.try_to_renew()


_STOPS = {Verdict.KEY_REJECTED: Stopped.KEY_REJECTED, Verdict.REQUEST_REFUSED: Stopped.REQUEST_REFUSED}


def _finish(lease: Lease, current: Current) -> Ended:
    """What is left stays rejected."""
    if lease.stop is not None and lease.cursor < lease.stop:
        left = lease.stop - lease.cursor
        piece = Piece(
            lease.cursor, lease.stop, current.revision_id, Settled.SKIPPED, _passed_over(lease, left)
        )
        settle(lease, Step(lease.stop, [piece]))
    return Ended.DONE


def _too_old(lease: Lease) -> bool:
    """A retry that could not be sent within the expiry gives up, so that it does not hold the log for ever."""
    ((created_at,),) = execute(_CREATED, {"id": lease.delivery_id})
    return bool(lease.taken_at - created_at > timedelta(hours=settings.CURRENTS_EXPIRY_HOURS))


def _passed_over(lease: Lease, count: int) -> Counter[tuple[datetime, str, str]]:
    return +Counter({(_minute(lease.taken_at), OTHER, str(Outcome.UNSELECTED)): count})


def _minutes(body: Body) -> list[datetime]:
    """The minute each call's event was received in."""
    return [_minute(datetime.fromtimestamp(received, UTC)) for received, _count in body.received]


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
