"""One turn: one worker moves one delivery as far as it can, then gives way.

The coordinating thread alone touches the database; sender threads only speak HTTP. A turn ends after 2 s if other
deliveries are due, after 20 s if none are, when it has caught up with the log, when an attempt fails, or when the
process is asked to stop.
"""

from __future__ import annotations

import time

from django.conf import settings

from exporter.delivery import settings_in_force
from exporter.delivery.body import Body
from exporter.delivery.in_flight import InFlight, Sent
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.piece import Piece
from exporter.delivery.reader import Reader
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Current, KeyUnreadable
from exporter.delivery.settle import Statement, settle
from exporter.delivery.step import Step, Tried, Trouble
from exporter.delivery.window import SendWindow
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import CAREFUL_EVENTS, Limits
from exporter.dispatch.shutdown import stopping
from exporter.lease_sql import DUE, FREE
from exporter.sql import execute

SHORT_TURN = 2.0
LONG_TURN = 20.0
# How often a turn that waits for answers checks everything else.
LOOK_SECONDS = 0.05
STOP_SECONDS = 8.0
# Bodies after a 413, for an hour.
SMALL_BODY = 100_000
# A request is cut when the lease that covers it is this close to its end and could not be renewed.
LAST_MOMENT = 0.5


_OTHERS_DUE = f"""
SELECT EXISTS (
    SELECT 1 FROM exporter_delivery d
      JOIN exporter_eventlog l ON l.workspace_id = d.workspace_id
      JOIN connectors_connector c ON c.id = d.connector_id
     WHERE d.id <> %(id)s AND d.kind = 'live' AND c.state = 'live' AND d.cursor < l.next_event AND {FREE} AND {DUE})
"""  # noqa: S608 - constants of ours


class Turn:
    """The state of a turn. `next` is the number the next body begins with, `ready` the body made but not sent yet,
    `done` what has been answered and not settled, `ahead` what was accepted beyond the cursor."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.line = InFlight(lease)
        self.window = SendWindow(careful=lease.careful, failed=lease.failures > 0)
        self.began = self.looked = time.monotonic()
        self.ended = self.caught_up = False
        self.done: list[Sent] = []
        self.ahead = Piece.all_of(lease.ahead)
        self.next = lease.cursor
        self.ready: Body | None = None
        # What a settle was asked to write and has not written yet.
        self.unsettled: tuple[list[Piece], list[Tried]] = ([], [])
        self.read_revision()

    def read_revision(self) -> None:
        """Raises:
        Gone, KeyUnreadable: see `settings_in_force.current`.
        """
        self.current: Current = settings_in_force.current(self.lease.connector_id)
        self.reader = self.new_reader()

    def new_reader(self) -> Reader:
        current = self.current
        return Reader(self.lease.workspace_id, current.plan, current.revision_id, helped=True)

    def work(self) -> Ended:
        """Sends until the turn is over, or raises whatever ends it. What has been answered and not settled is left in
        `done`, what is still in flight in `line`."""
        ended = None
        while ended is None:
            ended = self._step()
        return ended

    def _step(self) -> Ended | None:
        """Sends what may be sent, settles what has been answered meanwhile, makes the next body, waits."""
        if self.lease.wants_renewal and not self.lease.renew():
            raise LeaseLost
        landed = self.collect()
        if any(sent.verdict() != Verdict.ACCEPTED for sent in landed):
            return Ended.FAILED
        self._launch()
        self._settle_front()
        if self._over():
            return Ended.BEHIND
        if self.caught_up:
            return Ended.IDLE
        if self.ready is None or not self.ready.full:
            self._make()
        return self._wait()

    def _wait(self) -> Ended | None:
        room = self._room()
        if room and self.ready is not None:
            return None
        if self.line.flying:
            self.line.wait(LOOK_SECONDS if room else 0.25)
        elif self.ready is None:
            return Ended.IDLE
        else:
            stopping.wait(LOOK_SECONDS)
        return None

    def _over(self) -> bool:
        now = time.monotonic()
        if stopping.is_set() or not self.lease.may_send or now - self.began > LONG_TURN:
            return True
        if now - self.began > SHORT_TURN and now - self.looked > 1.0:
            self.looked = now
            terms = {"id": self.lease.delivery_id, "seconds": float(settings.CURRENTS_LEASE_SECONDS)}
            self.ended = self.ended or bool(execute(_OTHERS_DUE, terms)[0][0])
        return self.ended

    # --- making and launching ---------------------------------------------------------------------------------

    def limits(self, most_events: int = Limits().events) -> Limits:
        size = SMALL_BODY if self.lease.small_bodies else Limits().bytes
        return Limits(size, min(most_events, CAREFUL_EVENTS if self.lease.careful else Limits().events))

    def first_hole(self) -> int | None:
        """Where reading from `next` must end: at a piece accepted ahead, or at the delivery's own stop."""
        for piece in self.ahead:
            if piece.first == self.next:
                self.next = piece.end
        return next((piece.first for piece in self.ahead if piece.first > self.next), self.lease.stop)

    def _make(self) -> None:
        """Makes the next body or fills up the waiting one; it never crosses what was accepted ahead."""
        began, stop = time.monotonic(), self.first_hole()
        if self.ready is None:
            body = self.reader.make(self.next, stop, self.limits())
            self.ready = body if body.end > body.first else None
        else:
            body, before = self.ready, self.ready.end
            self.reader.extend(body, stop, self.limits())
            if body.end == before:
                return
        if self.ready is None:
            return
        body.full = body.full or (stop is not None and body.end >= stop)
        if body.full:
            self.window.made(time.monotonic() - began)

    def _launch(self) -> None:
        while self.ready is not None and self._room():
            if not self.lease.may_send or stopping.is_set():
                return
            if (self.lease.careful or not self.ready.calls) and (self.line.flying or self.done):
                return  # what is before it is settled first
            if self.stale():
                return
            body, self.ready = self.ready, None
            self.next = body.end
            # The end of the log was reached: what arrives from now on is small work and not this turn's.
            self.caught_up = not body.full
            if body.calls:
                self.line.launch(body, self.current)
                self.launched(body)
            else:
                self.settle([Piece.of(body, self.lease.now())], [])
            if self._room():
                self._make()

    def launched(self, body: Body) -> None:
        """Called for each body that begins to fly."""

    def _room(self) -> bool:
        """Bodies that are not settled yet, which is what a crash would repeat; the window limits them, so no more than
        that can be accepted beyond a slow one either."""
        return len(self.line.flying) + len(self.done) < self.window.width

    def stale(self) -> bool:
        """Whether the settings have changed since the bodies were made; unsent ones are made again under the new ones.

        Raises:
            Gone: the connector was deleted.
        """
        stamp = settings_in_force.stamp(self.lease.connector_id)
        if stamp == self.current.stamp:
            return False
        self.ready = None
        try:
            self.read_revision()
            self.ended = self.ended or not self.current.live
        except KeyUnreadable:
            # Bodies in flight are awaited and settled first; the next turn finds the key unreadable when it begins.
            self.ended = True
        return True

    # --- answers ----------------------------------------------------------------------------------------------

    def collect(self) -> list[Sent]:
        """Moves answered bodies to `done`."""
        landed = self.line.landed()
        for sent in landed:
            if sent.verdict() == Verdict.ACCEPTED:
                self.window.failed = False
        self.done = sorted([*self.done, *landed], key=lambda sent: sent.body.first)
        return landed

    def _settle_front(self) -> None:
        """Settles answered bodies that no body in flight precedes."""
        first = min((sent.body.first for sent in self.line.flying), default=None)
        front = [sent for sent in self.done if first is None or sent.body.first < first]
        if front:
            self.done = self.done[len(front) :]
            self.settle([Piece.of(sent.body, sent.ended) for sent in front], [sent.tried() for sent in front])
            for sent in front:
                self.window.settled(self.lease.now() - sent.at)

    def await_answers(self) -> None:
        """Waits until nothing is in flight, renewing the lease meanwhile; at most 8 s if the process is stopping."""
        stop_at = float("inf")
        while self.line.flying:
            self.line.wait(0.25)
            self.collect()
            if stopping.is_set():
                stop_at = min(stop_at, time.monotonic() + STOP_SECONDS)
            if time.monotonic() > stop_at or self.lease.seconds_left < LAST_MOMENT:
                self.line.cut()
            elif self.lease.wants_renewal:
                self.lease.try_to_renew()  # a lease that cannot be renewed still lasts a little

    def beside(self, pieces: list[Piece]) -> Statement | None:
        """What is to be written in the transaction that settles these pieces."""
        return None

    def settle(
        self, pieces: list[Piece], tried: list[Tried], *, trouble: Trouble | None = None, small: bool = False
    ) -> None:
        """Moves the cursor over everything accepted without a hole; what lies beyond stays ahead."""
        waiting = sorted([*self.ahead, *pieces], key=lambda piece: piece.first)
        cursor, passed = self.lease.cursor, []
        while waiting and waiting[0].first == cursor:
            passed.append(waiting.pop(0))
            cursor = passed[-1].end
        accepted = any(piece.received for piece in pieces)
        self.unsettled = (pieces, tried)
        step = Step(cursor, passed, waiting, tried, accepted, trouble, small)
        settle(self.lease, step, beside=self.beside(pieces))
        self.ahead, self.unsettled = waiting, ([], [])
