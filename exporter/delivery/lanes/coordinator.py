"""The coordinator: the one thread of a process that delivers small work of many connectors in sets.

It claims what is due in one statement with what waits for each, makes a small body each, hands them to the senders,
and settles what has landed in one statement every few tens of milliseconds. It never waits for an answer, and it
alone touches the database; sender threads only speak HTTP. What is not plain, small and healthy it hands on.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from exporter.delivery.lanes import claim as claims
from exporter.delivery.lanes import flights
from exporter.delivery.lanes.agenda import Agenda
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.flights import LATE, LOOK_SECONDS, Flights, Flying
from exporter.delivery.lanes.settings_cache import SettingsCache
from exporter.delivery.lanes.settle_many import Landed, settle_many
from exporter.delivery.lanes.small_body import small_body
from exporter.delivery.piece import Piece
from exporter.delivery.settings_in_force import Current
from exporter.destinations import backoff
from exporter.destinations.answer import Verdict
from exporter.dispatch.shutdown import stopping
from exporter.sql import execute

log = structlog.get_logger(__name__)

# Deliveries claimed and not settled yet, those that hang left out; so many requests may be under way at once.
MOST_OUTSTANDING = flights.MOST_HEALTHY
# What has landed waits so long for company before it is settled, unless there is much of it.
SETTLE_SECONDS = 0.025
SETTLE_AT = 64
# A claim waits for this much room where more is ready than fits: statements for a few cost as much as for many.
LEAST_ROOM = 32
# While the database is away, and for a workspace that cannot be claimed.
AGAIN_SECONDS = 0.25
SET_ASIDE_SECONDS = 60.0
_LONGEST_PAUSE = 5.0

_DELIVERIES = "SELECT id FROM exporter_delivery WHERE workspace_id = %(workspace)s AND kind = 'live'"
_JUDGED_BY_A_TURN = (Verdict.REFUSED_BODY, Verdict.KEY_REJECTED, Verdict.REQUEST_REFUSED)


class Coordinator:
    """`hand_on` is called with a delivery that needs a turn of its own; until `turn_ended` it is left to that turn."""

    def __init__(self, hand_on: Callable[[int], None]) -> None:
        self._hand_on_to_a_turn = hand_on
        self._something = threading.Event()
        self.agenda = Agenda(self._something.set)
        self._settings = SettingsCache()
        self.flights = Flights(self._something.set)
        # Deliveries that wait for a turn of their own, or have one.
        self._apart: set[int] = set()
        self._landed: list[Landed] = []
        self._in_doubt: list[tuple[Sequence[int], uuid.UUID]] = []
        self._landed_since = self._clock = 0.0

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
        return not self.flights and not self._landed and not self._in_doubt

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
            log.warning("database.away", doing="deliver", error=type(error).__name__, next="tried again")
        except Exception:
            log.exception("delivery.fault", doing="sets")
        connection.close()
        return AGAIN_SECONDS

    def step(self) -> float:
        """Settles, renews and claims what is due now; returns the seconds until there is something to do again.

        Raises:
            OperationalError, InterfaceError: the database is away.
        """
        self._something.clear()
        now = time.monotonic()
        for flying in self.flights.collect(self._clock):
            self._land(_judged(flying))
        self.flights.look_after(now)
        if self._landed and (self._settle_at() <= now or not self.flights):
            self._settle()
        self._settle_doubts()
        if not stopping.is_set():
            self._claim()
        return self._pause()

    # --- claiming -------------------------------------------------------------------------------------------------

    def _room(self) -> int:
        return MOST_OUTSTANDING - self.flights.healthy - len(self._landed)

    def _claim(self) -> None:
        room = self._room()
        if room < LEAST_ROOM and self.agenda.ready > room:
            return
        workspaces = self.agenda.take(room, time.monotonic())
        if not workspaces:
            return
        try:
            self._claim_these(workspaces, room)
        except (OperationalError, InterfaceError):
            self._note_again(workspaces, AGAIN_SECONDS)
            raise
        except DatabaseError:
            for workspace in workspaces:
                self._claim_singly(workspace)

    def _claim_these(self, workspaces: Sequence[int], most: int) -> None:
        token = uuid.uuid4()
        try:
            self._begin(claims.claim(workspaces, most, self._apart.copy(), token))
        except (OperationalError, InterfaceError):
            self._in_doubt.append((workspaces, token))
            raise

    def _settle_doubts(self) -> None:
        """Of claims whose answer was lost. Nothing was begun under them."""
        while self._in_doubt:
            claims.unclaim(*self._in_doubt[0])
            del self._in_doubt[0]

    def _claim_singly(self, workspace: int) -> None:
        """One that cannot be read must not hold up the others."""
        try:
            self._claim_these([workspace], 1)
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            log.error("delivery.set_aside", workspace=workspace, doing="claim", exc_info=error)
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
            log.warning("delivery.turn_of_its_own", delivery=claimed.delivery_id, exc_info=fault)
            body = None
        if body is None or current is None:
            self._land(Landed(claimed, None, None, unclear=True))
        elif body.calls:
            self.flights.launch(claimed, body, current, self._clock)
        else:
            piece = Piece.of(body, self._now()) if body.end > body.first else None
            self._land(Landed(claimed, piece, None))

    # --- answers --------------------------------------------------------------------------------------------------

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
        unfinished = landed.piece is not None and landed.piece.end < landed.claimed.head
        if landed.unclear or unfinished:
            self._hand_on(landed.claimed.delivery_id)

    # --- time -----------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        """The database's clock in UNIX seconds, as far as can be told without asking."""
        return time.monotonic() + self._clock

    def _pause(self) -> float:
        moments = [time.monotonic() + _LONGEST_PAUSE]
        if self.flights.answered:
            return 0.0
        if self.flights:
            moments.append(self.flights.looked + LOOK_SECONDS)
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


def _judged(flying: Flying) -> Landed:
    """What an answer means for its delivery. What says something about single events, the key or the request is left
    to a turn of its own, which asks again and has the means to judge it."""
    sent, claimed = flying.sent, flying.claimed
    if sent.answer().error == LATE:
        return Landed(claimed, None, None)
    verdict = sent.verdict()
    if verdict == Verdict.ACCEPTED:
        return Landed(claimed, Piece.of(sent.body, sent.ended), sent.tried())
    if verdict in _JUDGED_BY_A_TURN:
        return Landed(claimed, None, sent.tried(), unclear=True)
    wait = backoff.wait(sent.answer(), 1, datetime.now(UTC), random.random())  # noqa: S311 - jitter
    return Landed(claimed, None, sent.tried(wait), wait)
