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
from exporter.delivery.failure import SUSPECT_AFTER
from exporter.delivery.halving import is_server_error
from exporter.delivery.in_flight import InFlight, Sent
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Current
from exporter.delivery.settle import settle
from exporter.delivery.step import Step, Trouble
from exporter.delivery.turn import LAST_MOMENT, LONG_TURN, STOP_SECONDS
from exporter.destinations import backoff, rejection_reasons
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import Limits, how_many_fit
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
    """`most` is how many events go into one body: fewer after a rejection, more after an acceptance.

    `suspects` are events turned down alone by an answer that may also be the connection's fault: 401, 403, 404, and 5xx
    where waiting has not helped; and what was turned down after them. None is settled before a later event is accepted,
    which puts the blame on them. If a second one is turned down in that way, the connection is to blame, and all are
    kept for the next attempt.
    """

    def __init__(self, lease: Lease, current: Current) -> None:
        self.lease = lease
        self.current = current
        self.line = InFlight(lease)
        self.most = 1 if lease.stopped else MOST_EVENTS
        self.refused, self.accepted = 0, False
        self.suspects: list[Sent] = []
        self.suspects_errors = lease.failures > 0 and lease.failures % SUSPECT_AFTER == 0

    def work(self) -> Ended:
        began = time.monotonic()
        while time.monotonic() - began < LONG_TURN and self.lease.may_send and not stopping.is_set():
            current = settings_in_force.current(self.lease.connector_id)
            if not current.live:
                return Ended.HELD
            self.current = current
            body = self._body()
            if body is None:
                return self._end()
            if not body.calls:
                self._pass(body)
            elif not self._send(body):
                return Ended.FAILED
            if self.refused >= MOST_REFUSED:
                return _finish(self.lease, self.current)
        return Ended.BEHIND

    def _body(self) -> Body | None:
        """The next events that may be sent under the present settings; None if none is left. An event that may not be
        sent, or whose bytes were trimmed, stays rejected."""
        lease = self.lease
        first = self.suspects[-1].body.end if self.suspects else lease.cursor
        rows = self._items(first, self.most)
        if not rows:
            return None
        lines = lookup.read(lease.workspace_id, [number for number, _type in rows])
        body, limits = Body(first, first, self.current.revision_id), Limits()
        for number, event_type in rows:
            kept = lines.get(number)
            call = convert(kept.line, self.current.plan).call if kept else None
            if kept is not None and call is not None:
                if not how_many_fit(body.size, len(body.calls), [call], limits):
                    break
                body.size += len(call) + (len(body.calls) > 0)
                body.calls.append(call)
                body.numbers.append(number)
                body.sent[_minute(kept.received_at), event_type, Outcome.DELIVERED] += 1
                body.received.append((kept.received_at.timestamp(), 1))
            body.end = number + 1
        body.left = _passed_over(lease, body.end - body.first - len(body.calls))
        return body

    def _items(self, first: int, most: int) -> list[tuple[Any, ...]]:
        lease = self.lease
        terms = {
            "id": lease.delivery_id,
            "connector": lease.connector_id,
            "cursor": first,
            "stop": lease.stop,
        }
        return execute(_ITEMS, {**terms, "most": most})

    def _send(self, body: Body) -> bool:
        """Sends and settles; False if it must be tried again later."""
        sent = self._ask(body)
        verdict = sent.verdict()
        if verdict == Verdict.ACCEPTED:
            self._accept(sent)
        elif verdict == Verdict.KEY_REJECTED and self._key_replaced():
            self.suspects = []
            self._note(sent)
        elif self._turns_down(sent):
            return self._take_apart(sent)
        else:
            self._blame_the_connection(sent, [sent])
            return False
        return True

    def _pass(self, body: Body) -> None:
        """Passes events that are not sent; behind a suspect they wait for its judgement."""
        if not self.suspects:
            settle(self.lease, Step(body.end, [Piece.of(body, self.lease.now())]))
            return
        before = self.suspects[-1].body
        before.end, before.left = body.end, before.left + body.left

    def _end(self) -> Ended:
        """Nothing is left to judge the suspects by but what was accepted before them."""
        if self.suspects and not self.accepted:
            self._blame_the_connection(self.suspects[0], [])
            return Ended.FAILED
        for suspect in self.suspects:
            self._reject(suspect)
        return _finish(self.lease, self.current)

    def _ask(self, body: Body) -> Sent:
        self.line.launch(body, self.current)
        return self._answered()

    def _note(self, sent: Sent) -> None:
        """Records an attempt that decides nothing."""
        settle(self.lease, Step(self.lease.cursor, tried=[sent.tried()]))

    def _accept(self, sent: Sent) -> None:
        suspects, self.suspects = self.suspects, []
        for suspect in suspects:
            self._settle_suspect(suspect)
        self._settle_accepted(sent)

    def _settle_accepted(self, sent: Sent) -> None:
        self.refused, self.accepted, self.most = 0, True, min(2 * self.most, MOST_EVENTS)
        body = sent.body
        rejected = zip(body.numbers, _minutes(body), strict=True)
        beside = recovery.statement(self.lease.delivery_id, self.lease.connector_id, rejected)
        step = Step(body.end, [Piece.of(body, sent.ended)], [], [sent.tried()], accepted=True)
        settle(self.lease, step, beside=beside)

    def _settle_suspect(self, suspect: Sent) -> None:
        """Asks once more, because the connection may have recovered before the later event was accepted."""
        again = self._ask(suspect.body)
        if again.verdict() == Verdict.ACCEPTED:
            self._settle_accepted(again)
        else:
            self._reject(again if self._turns_down(again) else suspect)

    def _turns_down(self, sent: Sent) -> bool:
        return sent.verdict() == Verdict.REFUSED_BODY or self._is_suspicious(sent)

    def _is_suspicious(self, sent: Sent) -> bool:
        return sent.verdict() in _STOPS or (self.suspects_errors and is_server_error(sent))

    def _take_apart(self, sent: Sent) -> bool:
        """Halves a body that was turned down; judges an event that was turned down alone, or suspects it."""
        if len(sent.body.calls) > 1:
            self.most = len(sent.body.calls) // 2
        elif sent.verdict() == Verdict.REFUSED_BODY and not self.suspects:
            self._reject(sent)
            return True
        else:
            self.suspects.append(sent)
            suspicious = sum(self._is_suspicious(suspect) for suspect in self.suspects)
            if suspicious > 1 or len(self.suspects) >= MOST_REFUSED:
                self._blame_the_connection(self.suspects[0], [sent])
                return False
        self._note(sent)
        return True

    def _reject(self, sent: Sent) -> None:
        """The event stays rejected, with the new reason."""
        body = sent.body
        self.refused += 1
        reason = rejection_reasons.answered(sent.answer())
        terms = {"connector": self.lease.connector_id, "number": body.numbers[0], "reason": reason[:500]}
        step = Step(body.end, [Piece.of(body.rejected(reason), sent.ended)], [], [sent.tried()])
        settle(self.lease, step, beside=(_REASON, terms))

    def _blame_the_connection(self, sent: Sent, tried: list[Sent]) -> None:
        """Keeps everything that is not accepted for the next attempt; `sent` tells when that is."""
        verdict = sent.verdict()
        wait = backoff.wait(sent.answer(), self.lease.failures + 1, datetime.now(UTC), random.random())  # noqa: S311
        if verdict == Verdict.KEY_REJECTED:
            key_refusal.note(self.lease.connector_id, sent.current.write_key_id)
        trouble = Trouble(wait, _STOPS.get(verdict, self.lease.stopped))
        attempts = [one.tried(wait) for one in tried]
        settle(self.lease, Step(self.lease.cursor, tried=attempts, trouble=trouble))

    def _key_replaced(self) -> bool:
        now = settings_in_force.current(self.lease.connector_id)
        return (now.write_key_id, now.endpoint) != (self.current.write_key_id, self.current.endpoint)

    def _answered(self) -> Sent:
        stop_at = float("inf")
        while True:
            self.line.wait(0.25)
            landed = self.line.landed()
            if landed:
                return landed[0]
            if stopping.is_set():
                stop_at = min(stop_at, time.monotonic() + STOP_SECONDS)
            if time.monotonic() > stop_at or self.lease.seconds_left < LAST_MOMENT:
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
