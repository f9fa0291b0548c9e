"""The coordinator: the one thread of a process that delivers small work of many connectors in sets.

It claims what is due in one statement with what waits for each, makes a small body each, hands them to the senders,
and settles what has landed in one statement every few tens of milliseconds. It never waits for an answer, and it
alone touches the database; sender threads only speak HTTP. What is not plain, small and healthy it hands on.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from exporter.delivery.body import Body
from exporter.delivery.in_flight import Sent
from exporter.delivery.lanes import claim as claims
from exporter.delivery.lanes.agenda import Agenda
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.settings_cache import SettingsCache
from exporter.delivery.lanes.settle_many import Landed, settle_many
from exporter.delivery.lease import MARGIN_SECONDS
from exporter.delivery.piece import Piece
from exporter.delivery.reader import Reader
from exporter.delivery.settings_in_force import Current
from exporter.delivery.turn import LAST_MOMENT, STOP_SECONDS
from exporter.destinations import backoff, packing
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import Limits
from exporter.destinations.sender import Senders
from exporter.dispatch.shutdown import stopping
from exporter.sql import execute

log = logging.getLogger(__name__)

# Deliveries claimed and not settled yet, those that hang left out; so many requests may be under way at once.
MOST_OUTSTANDING = 128
# A request without an answer for so long counts as hanging: it takes no healthy one's place any more. Of these there
# are at most so many; beyond it the eldest is cut.
HANGS_AFTER = 1.0
MOST_HANGING = 128
_senders = Senders(MOST_OUTSTANDING + MOST_HANGING, "small-sender")
# What has landed waits so long for company before it is settled, unless there is much of it.
SETTLE_SECONDS = 0.025
SETTLE_AT = 64
# A claim waits for this much room where more is ready than fits: statements for a few cost as much as for many.
LEAST_ROOM = 32
# Events of a small body, see `claim.MOST_EVENTS`; its bytes are what a destination that refused a larger body takes.
SMALL = Limits(bytes=100_000, events=claims.MOST_EVENTS)
# While the database is away, and for a workspace that cannot be claimed.
AGAIN_SECONDS = 0.25
SET_ASIDE_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_LONGEST_PAUSE = 5.0

_RENEW = """
UPDATE exporter_delivery d SET lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
  FROM unnest(%(ids)s::bigint[], %(tokens)s::uuid[]) AS n(id, token)
 WHERE d.id = n.id AND d.lease_token = n.token RETURNING d.id
"""
_DELIVERIES = "SELECT id FROM exporter_delivery WHERE workspace_id = %(workspace)s AND kind = 'live'"
_JUDGED_BY_A_TURN = (Verdict.REFUSED_BODY, Verdict.KEY_REJECTED, Verdict.REQUEST_REFUSED)


@dataclass(slots=True)
class _Flying:
    claimed: Claimed
    sent: Sent


class _Late(Exception):
    """The body was not begun in time: its lease is about to end, or the process stops."""


class _NotSmall(Exception):
    """What waits cannot be read at once, or not at all."""


class Coordinator:
    """`hand_on` is called with a delivery that needs a turn of its own; until `turn_ended` it is left to that turn."""

    def __init__(self, hand_on: Callable[[int], None]) -> None:
        self._hand_on_to_a_turn = hand_on
        self._something = threading.Event()
        self.agenda = Agenda(self._something.set)
        self._settings = SettingsCache()
        self._flying: dict[int, _Flying] = {}
        self._answered: deque[tuple[int, float]] = deque()
        # Deliveries that wait for a turn of their own, or have one.
        self._apart: set[int] = set()
        self._landed: list[Landed] = []
        self._landed_since = self._looked = 0.0
        self._hanging = 0
        self._clock = 0.0
        self._stop_at = float("inf")

    def wake(self, workspaces: Iterable[int]) -> None:
        """These may have something to send; may be called by any thread."""
        self.agenda.add(workspaces, time.monotonic())

    def turn_ended(self, delivery_id: int) -> None:
        """A delivery handed on may be claimed again; may be called by any thread."""
        self._apart.discard(delivery_id)

    def _hand_on(self, delivery_id: int) -> None:
        if delivery_id not in self._apart:
            self._apart.add(delivery_id)
            self._hand_on_to_a_turn(delivery_id)

    @property
    def idle(self) -> bool:
        """Whether nothing is claimed."""
        return not self._flying and not self._landed

    def run(self) -> None:
        """Until the process is asked to stop and what was under way is settled."""
        try:
            while not (stopping.is_set() and self.idle):
                self._something.wait(self._step_safely())
        finally:
            connection.close()

    def settle_all(self, workspaces: Iterable[int]) -> None:
        """Delivers these until nothing is due or under way, in the calling thread."""
        self.wake(workspaces)
        pause = self.step()
        while len(self.agenda) or not self.idle:
            self._something.wait(pause)
            pause = self.step()

    def _step_safely(self) -> float:
        """Whatever happens: what is claimed must be looked after, and others wait."""
        try:
            connection.close_if_unusable_or_obsolete()
            return self.step()
        except (OperationalError, InterfaceError) as error:
            log.warning("The database is away (%s); delivery goes on when it is back.", type(error).__name__)
        except Exception:
            log.exception("A fault while delivering in sets.")
        connection.close()
        return AGAIN_SECONDS

    def step(self) -> float:
        """Settles, renews and claims what is due now; returns the seconds until there is something to do again.

        Raises:
            OperationalError, InterfaceError: the database is away.
        """
        self._something.clear()
        now = time.monotonic()
        self._collect()
        self._look_after(now)
        if self._landed and (self._settle_at() <= now or not self._flying):
            self._settle()
        if not stopping.is_set():
            self._claim()
        return self._pause()

    # --- claiming -------------------------------------------------------------------------------------------------

    def _room(self) -> int:
        return MOST_OUTSTANDING - (len(self._flying) - self._hanging) - len(self._landed)

    def _claim(self) -> None:
        room = self._room()
        if room < LEAST_ROOM and self.agenda.ready > room:
            return
        workspaces = self.agenda.take(room, time.monotonic())
        if not workspaces:
            return
        try:
            self._begin(claims.claim(workspaces, room, self._apart.copy()))
        except (OperationalError, InterfaceError):
            self._note_again(workspaces, AGAIN_SECONDS)
            raise
        except DatabaseError:
            for workspace in workspaces:
                self._claim_singly(workspace)

    def _claim_singly(self, workspace: int) -> None:
        """One that cannot be read must not hold up the others."""
        try:
            self._begin(claims.claim([workspace], 1, self._apart.copy()))
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            log.error("Workspace %s cannot be claimed (%s): set aside.", workspace, type(error).__name__)
            self._note_again([workspace], SET_ASIDE_SECONDS)
            for (delivery_id,) in execute(_DELIVERIES, {"workspace": workspace}):
                self._hand_on(delivery_id)

    def _note_again(self, workspaces: Iterable[int], seconds: float) -> None:
        now = time.monotonic()
        self.agenda.add_at(workspaces, now + seconds, now)

    def _begin(self, claim: claims.Claim) -> None:
        for delivery_id in claim.large:
            self._hand_on(delivery_id)
        if not claim.claimed:
            return
        self._clock = claim.clock - claim.at
        self.agenda.leave([one.workspace_id for one in claim.claimed], time.monotonic())
        known = self._settings.of(one.revision_id for one in claim.claimed)
        for one in claim.claimed:
            self._deliver(one, known.get(one.revision_id))

    def _deliver(self, claimed: Claimed, current: Current | None) -> None:
        """Makes the body and launches it."""
        try:
            body = small_body(claimed, current) if current is not None else None
        except Exception as fault:  # whatever is wrong with it, a turn of its own has the means to tell
            log.warning("Delivery %s gets a turn of its own (%s).", claimed.delivery_id, type(fault).__name__)
            body = None
        if body is None or current is None:
            self._land(Landed(claimed, None, None))
            self._hand_on(claimed.delivery_id)
        elif body.calls:
            self._launch(claimed, body, current)
        else:
            piece = Piece.of(body, self._now()) if body.end > body.first else None
            self._land(Landed(claimed, piece, None))

    def _launch(self, claimed: Claimed, body: Body, current: Current) -> None:
        def wrapped() -> bytes:
            if stopping.is_set() or claimed.until - time.monotonic() < MARGIN_SECONDS:
                raise _Late
            now = datetime.now(UTC)
            return packing.wrap(
                body.calls, now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
            )

        def done() -> None:
            self._answered.append((claimed.delivery_id, time.monotonic()))
            if len(self._answered) == 1:
                self._something.set()

        flight = _senders.launch(current.endpoint, current.authorization, wrapped, done)
        self._flying[claimed.delivery_id] = _Flying(claimed, Sent(body, current, flight, self._now()))

    # --- answers --------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        while self._answered:
            delivery_id, at = self._answered.popleft()
            flying = self._flying.pop(delivery_id, None)
            if flying is not None:
                flying.sent.ended = at + self._clock
                self._land(_judged(flying))

    def _land(self, landed: Landed) -> None:
        if not self._landed:
            self._landed_since = time.monotonic()
        self._landed.append(landed)

    def _settle_at(self) -> float:
        return 0.0 if len(self._landed) >= SETTLE_AT else self._landed_since + SETTLE_SECONDS

    def _settle(self) -> None:
        landed, self._landed = self._landed, []
        try:
            settled = settle_many(landed)
        except (OperationalError, InterfaceError):
            # Repeated while the lease lasts; after that another may have taken over.
            now = time.monotonic()
            self._landed = [one for one in landed if one.claimed.until > now]
            raise
        now = time.monotonic()
        for one in landed:
            if one.claimed.delivery_id in settled:
                self._after(one)
        # Whoever was told of new events while we held the lease may have been told in vain.
        self.agenda.add((one.claimed.workspace_id for one in landed), now)

    def _after(self, landed: Landed) -> None:
        refused = landed.tried is not None and landed.tried.verdict in _JUDGED_BY_A_TURN
        unfinished = landed.piece is not None and landed.piece.end < landed.claimed.head
        if refused or unfinished:
            self._hand_on(landed.claimed.delivery_id)

    # --- what flies -----------------------------------------------------------------------------------------------

    def _look_after(self, now: float) -> None:
        """Renews leases, cuts what has flown too long, counts what hangs."""
        if now - self._looked < _LOOK_SECONDS and not stopping.is_set():
            return
        self._looked = now
        hanging = [each for each in self._flying.values() if each.sent.flight.seconds > HANGS_AFTER]
        self._hanging = min(len(hanging), MOST_HANGING)
        hanging.sort(key=lambda each: each.sent.flight.started)
        over = len(hanging) - MOST_HANGING
        for place, each in enumerate(hanging):
            if place < over or each.sent.flight.overdue:
                each.sent.flight.cut()
        if stopping.is_set():
            self._stop_at = min(self._stop_at, now + STOP_SECONDS)
            if now > self._stop_at:
                self._cut(self._flying.values())
        self._renew(now)

    def _renew(self, now: float) -> None:
        term = float(settings.CURRENTS_LEASE_SECONDS)
        due = [each for each in self._flying.values() if each.claimed.until - now < term * 2 / 3]
        if not due:
            return
        ids = [each.claimed.delivery_id for each in due]
        tokens = [each.claimed.token for each in due]
        try:
            kept = {row[0] for row in execute(_RENEW, {"ids": ids, "tokens": tokens, "seconds": term})}
        except DatabaseError:
            self._cut(each for each in due if each.claimed.until - now < LAST_MOMENT)
            raise
        for each in due:
            if each.claimed.delivery_id in kept:
                each.claimed.until = now + term
        self._cut(each for each in due if each.claimed.delivery_id not in kept)

    @staticmethod
    def _cut(some: Iterable[_Flying]) -> None:
        for each in some:
            each.sent.flight.cut()

    # --- time -----------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        """The database's clock in UNIX seconds, as far as can be told without asking."""
        return time.monotonic() + self._clock

    def _pause(self) -> float:
        moments = [time.monotonic() + _LONGEST_PAUSE]
        if self._answered:
            return 0.0
        if self._flying:
            moments.append(self._looked + _LOOK_SECONDS)
        if self._landed:
            moments.append(self._settle_at())
        at = self.agenda.next_at()
        if (
            at is not None
            and not stopping.is_set()
            and self._room() >= min(LEAST_ROOM, max(1, self.agenda.ready))
        ):
            moments.append(at)
        return max(0.0, min(moments) - time.monotonic())


def small_body(claimed: Claimed, current: Current) -> Body:
    """The small body of what waits.

    Raises:
        _NotSmall: it is not small, or lies below the log's first event.
        Damaged: it cannot be read.
    """
    read = [(header, payload) for header, payload in claimed.batches if payload is not None]
    if not claimed.batches:
        return Body(claimed.cursor, claimed.cursor, current.revision_id)
    if not read or read[0][0].first_event > claimed.cursor:
        raise _NotSmall
    reader = Reader(claimed.workspace_id, current.plan, current.revision_id)
    reader.hold(read)
    return reader.make(claimed.cursor, read[-1][0].end_event, SMALL)


def _judged(flying: _Flying) -> Landed:
    """What an answer means for its delivery. What says something about single events, the key or the request is left
    to a turn of its own, which asks again and has the means to judge it."""
    sent, claimed = flying.sent, flying.claimed
    if sent.answer().error == LATE:
        return Landed(claimed, None, None)
    verdict = sent.verdict()
    if verdict == Verdict.ACCEPTED:
        return Landed(claimed, Piece.of(sent.body, sent.ended), sent.tried())
    if verdict in _JUDGED_BY_A_TURN:
        return Landed(claimed, None, sent.tried())
    wait = backoff.wait(sent.answer(), 1, datetime.now(UTC), random.random())  # noqa: S311 - jitter
    return Landed(claimed, None, sent.tried(wait), wait)


# How the sender names a body that was not begun.
LATE = f"internal fault ({_Late.__name__})"
