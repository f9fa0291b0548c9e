"""Of random histories: workers that die, freeze and come back, in turns of their own and in sets."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import rule

from exporter.delivery import settle, turn
from exporter.delivery.deliver import deliver
from exporter.delivery.lanes import coordinator, settle_many
from exporter.delivery.lanes.coordinator import Coordinator
from exporter.delivery.lanes.settle_many import Landed
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.step import Step
from tests.support.delivering import Line
from tests.support.drawn_events import events
from tests.support.reached import Reached


class Crash(BaseException):
    """The process is gone: nothing of what it was about to write is written."""


def take_its_turn(delivery_id: int) -> None:
    deliver(delivery_id)


class FailingWorkers:
    """`own` is what this history has reached."""

    line: Line
    own: set[Reached]

    def append(self, some: list[tuple[str, str]]) -> None:
        raise NotImplementedError

    @rule(some=events)
    def crash_in_a_set(self, some: list[tuple[str, str]]) -> None:
        """The worker dies before the settle of a set, whatever Segment has accepted by then."""
        self.append(some)

        def dying(landed: list[Landed]) -> set[int]:
            if any(one.piece is not None and one.piece.received for one in landed):
                self.own.add(Reached.CRASHED_IN_A_SET)
            raise Crash

        with patch.object(coordinator, "settle_many", dying):
            try:
                Coordinator(take_its_turn).settle_all([self.line.workspace.pk])
            except Crash:
                self._abandon()

    @rule(some=events)
    def freeze_in_a_set(self, some: list[tuple[str, str]]) -> None:
        """A worker freezes before it settles a set; another takes over; the first one wakes up."""
        self.append(some)
        frozen = [False]

        def freezing(landed: list[Landed]) -> set[int]:
            if not frozen[0]:
                frozen[0] = True
                self._abandon()
                deliver(self.line.delivery.pk)
            return self._settle_set(landed)

        with patch.object(coordinator, "settle_many", freezing):
            Coordinator(take_its_turn).settle_all([self.line.workspace.pk])

    @rule(settles=st.integers(0, 2))
    def crash(self, settles: int) -> None:
        """The worker dies before its first, second or third settle, whatever Segment has accepted by then."""
        self.line.make_due()
        try:
            self._deliver_with(self._dying(settles))
        except Crash:
            self._abandon()

    @rule()
    def take_and_vanish(self) -> None:
        if Lease.take(self.line.delivery.pk) is not None:
            self._abandon()

    @rule(some=events)
    def two_workers(self, some: list[tuple[str, str]]) -> None:
        """One worker freezes before it settles; another takes over; the first one wakes up."""
        self.append(some)
        self.line.make_due()
        self._deliver_with(self._freezing())

    # --- means ----------------------------------------------------------------------------------------------------

    def _settle_set(self, landed: list[Landed]) -> set[int]:
        """The settle of a set, with a note of what it came to."""
        settled = settle_many.settle_many(landed)
        for one in landed:
            if one.piece is not None and one.piece.received:
                moved = one.claimed.delivery_id in settled
                self.own.add(Reached.ACCEPTED_IN_A_SET if moved else Reached.LOST_IN_A_SET)
        return settled

    def _dying(self, settles: int) -> Callable[..., None]:
        """A settle that ends the process after so many."""
        real, left = settle.settle, [settles]

        def dying(lease: Lease, step: Step, *, beside: settle.Statement | None = None) -> None:
            if not left[0]:
                if step.accepted:
                    self.own.add(Reached.CRASHED_IN_A_TURN)
                raise Crash
            left[0] -= 1
            real(lease, step, beside=beside)

        return dying

    def _freezing(self) -> Callable[..., None]:
        """A settle before which another worker takes over, once."""
        real, frozen = settle.settle, [False]

        def freezing(lease: Lease, step: Step, *, beside: settle.Statement | None = None) -> None:
            if not frozen[0]:
                frozen[0] = True
                self._abandon(lease.delivery_id)
                deliver(lease.delivery_id)
            try:
                real(lease, step, beside=beside)
            except LeaseLost:
                self.own.add(Reached.LOST_IN_A_TURN)
                raise

        return freezing

    def _deliver_with(self, settling: Callable[..., None], delivery_id: int | None = None) -> None:
        """Of the live delivery, or of another."""
        with patch.object(turn, "settle", settling):
            deliver(delivery_id or self.line.delivery.pk)

    def _abandon(self, delivery_id: int | None = None) -> None:
        """The lease is still the vanished worker's, and has run out."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_delivery SET lease_token = coalesce(lease_token, gen_random_uuid()), "
                "lease_until = clock_timestamp() - interval '1 second' WHERE id = %s",
                [delivery_id or self.line.delivery.pk],
            )
