"""What happens to a set in which one connector fails, pauses, loses its lease or cannot be written."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from connectors.models import WriteKey
from connectors.setup import lifecycle
from exporter import sql
from exporter.delivery.deliver import deliver
from exporter.delivery.lanes import claim as claims
from exporter.delivery.lanes import settle_many as settling
from exporter.delivery.lanes.coordinator import Coordinator
from exporter.delivery.lanes.settle_many_sql import SETTLE_MANY
from exporter.delivery.lease import Lease
from exporter.models import Delivery
from tests.exporter.delivery.lanes.test_coordinator import lease_runs_out, many
from tests.support.delivering import EMAIL_OPEN, NOBODY
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"reset": True}, {"status": 429, "headers": {"Retry-After": "9"}}]
)
def test_a_passing_fault_makes_only_its_connector_wait(fault: dict[str, Any]) -> None:
    with many(3) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        those.first.sandbox.fail(**fault, match={"message_id": "event-1"}, count=1)
        those.work()
        assert sorted(those.first.arrived()) == ["event-0", "event-2"]
        failed = those.lines[1].delivery
        assert (failed.cursor, failed.failures, failed.stopped, failed.lease_token) == (0, 1, "", None)
        assert failed.failing_since is not None
        assert failed.next_attempt_at is not None
        those.work()
        assert len(those.first.arrived()) == 2, "a failing connector is another lane's"
        those.lines[1].make_due()
        assert those.lines[1].deliver() == "idle"


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_an_answer_that_must_be_judged_is_left_to_a_turn_of_its_own(status: int) -> None:
    with many(2) as those:
        those.first.feed_events([event(1), event(2)])
        those.lines[1].feed_events([event(3)])
        those.first.sandbox.fail(status=status, match={"message_id": "event-1"}, count=1)
        those.work()
        assert those.first.arrived() == ["event-3"]
        delivery = those.first.delivery
        assert (delivery.cursor, delivery.failures, delivery.stopped, delivery.lease_token) == (
            0,
            0,
            "",
            None,
        )
        assert list(delivery.attempts.values_list("status", flat=True)) == [status]
        assert those.handed_on == [delivery.pk]
        deliver(delivery.pk)
        assert those.first.outcomes() == {"delivered": 2}


def test_a_refused_event_that_stood_alone_is_probed_as_soon_as_something_follows_it() -> None:
    with many() as those:
        those.first.sandbox.fail(status=400, match={"message_id": "event-0"})
        those.first.feed(1)
        those.first.deliver()
        assert those.first.delivery.alone
        those.work()
        assert those.handed_on == []
        those.first.feed(3)
        those.work()
        assert those.handed_on == [those.first.delivery.pk]
        while those.first.deliver() == "behind":
            pass
        assert those.first.outcomes() == {"delivered": 3, "rejected": 1}


def test_a_paused_connector_sends_nothing_and_holds_up_nobody() -> None:
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        lifecycle.pause(those.first.connector, by=NOBODY)
        those.work()
        assert those.first.arrived() == ["event-1"]
        lifecycle.resume(those.first.connector, by=NOBODY)
        those.work()
        assert those.first.arrived() == ["event-1", "event-0"]


def test_a_new_revision_applies_to_waiting_events() -> None:
    with many() as those:
        those.first.feed(1)
        those.work()
        chosen = lifecycle.Settings("Segment", "data@example.com", [EMAIL_OPEN], False)
        lifecycle.update(those.first.connector, chosen, seen_version=1, by=NOBODY)
        those.first.feed(1, event_type="users.messages.email.Click")
        those.work()
        assert those.first.outcomes() == {"delivered": 1, "unselected": 1}


def test_an_unreadable_key_is_left_to_a_turn_and_holds_up_nobody() -> None:
    """The turn may begin at once: the lease is released before it is handed on."""
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        WriteKey.objects.filter(connector=those.first.connector).update(ciphertext=b"damaged")
        ended: list[str] = []
        those.coordinator = Coordinator(lambda delivery_id: ended.append(deliver(delivery_id)))
        those.work()
        assert those.first.arrived() == ["event-1"]
        assert ended == ["failed"]
        assert those.first.delivery.stopped == "key_unreadable"


def test_a_held_lease_is_left_alone() -> None:
    with many() as those:
        those.first.feed(1)
        held = Lease.take(those.first.delivery.pk)
        assert held is not None
        those.work()
        assert those.first.arrived() == []
        held.release()
        those.work()
        assert those.first.arrived() == ["event-0"]


def test_a_lease_that_was_not_released_makes_the_next_turn_careful() -> None:
    with many() as those:
        those.first.feed(1)
        assert Lease.take(those.first.delivery.pk) is not None
        lease_runs_out()
        those.work()
        assert those.first.arrived() == ["event-0"]
        assert those.first.delivery.careful_until is not None


@pytest.mark.parametrize("outage", [0, 3])
def test_a_claim_whose_answer_was_lost_costs_nobody_a_lease(
    monkeypatch: pytest.MonkeyPatch, outage: int
) -> None:
    """However long the database is away, within what a lease takes."""
    lost: list[list[tuple[Any, ...]]] = []
    away = [True] * outage

    def losing(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        if lost and away:
            away.pop()
            raise OperationalError("the database is starting up")
        rows = sql.execute(query, parameters)
        if query is claims.CLAIM and not lost:
            lost.append(rows)
            raise OperationalError("the connection ended")
        return rows

    monkeypatch.setattr(claims, "execute", losing)
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        for _ in range(1 + outage):
            with pytest.raises(OperationalError):
                those.work()
        those.work()
        assert len(lost[0]) == 2, "they were claimed"
        assert sorted(those.first.arrived()) == ["event-0", "event-1"]
        assert those.first.delivery.careful_until is None


def test_who_lost_the_lease_settles_nothing_and_the_others_of_the_set_are_settled() -> None:
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        claim = claims.claim([line.workspace.pk for line in those.lines], 10, (), uuid.uuid4())
        lost = next(one for one in claim.claimed if one.delivery_id == those.first.delivery.pk)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_delivery SET lease_token = %s WHERE id = %s",
                [uuid.uuid4(), lost.delivery_id],
            )
        settled = settling.settle_many([settling.Landed(one, None, None) for one in claim.claimed])
        assert settled == {those.lines[1].delivery.pk}
        lease_runs_out()
        those.work()
        assert sorted(those.first.arrived()) == ["event-0", "event-1"]


def test_who_was_claimed_longest_ago_comes_first() -> None:
    with many(3) as those:
        for line in those.lines:
            line.feed(1)
        Delivery.objects.filter(pk=those.first.delivery.pk).update(round=2**40)
        workspaces = [line.workspace.pk for line in those.lines]
        claimed = claims.claim(workspaces, 2, (), uuid.uuid4()).claimed
        assert {one.delivery_id for one in claimed} == {line.delivery.pk for line in those.lines[1:]}
        settling.settle_many([settling.Landed(one, None, None) for one in claimed])
        those.work()


def test_one_that_cannot_be_claimed_fails_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with many(3) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        poisonous, real = those.first.workspace.pk, claims.claim

        def claim(workspaces: list[int], most: int, apart: set[int], token: uuid.UUID) -> claims.Claim:
            if poisonous in workspaces:
                raise DatabaseError("invalid page in block 7")
            return real(workspaces, most, apart, token)

        monkeypatch.setattr(claims, "claim", claim)
        those.coordinator.wake([line.workspace.pk for line in those.lines])
        while not those.coordinator.idle or those.coordinator.agenda.ready:
            those.coordinator.step()
        monkeypatch.undo()
        assert sorted(those.first.arrived()) == ["event-1", "event-2"]
        assert those.handed_on == [those.first.delivery.pk]
        deliver(those.first.delivery.pk)


@pytest.mark.parametrize(
    "fault", [DatabaseError("a range that was settled already"), ArithmeticError("counts")]
)
def test_one_that_cannot_be_settled_is_set_aside_and_the_others_are_settled(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    with many(3) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        poisonous, real = those.first.delivery.pk, sql.execute

        def execute(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
            if query == SETTLE_MANY and poisonous in parameters["ids"]:
                raise fault
            return real(query, parameters)

        monkeypatch.setattr(settling, "execute", execute)
        those.work()
        monkeypatch.undo()
        assert [line.delivery.cursor for line in those.lines] == [0, 1, 1]
        aside = those.first.delivery
        assert (aside.lease_token, aside.failures) == (None, 1)
        assert aside.next_attempt_at is not None


def test_a_settle_that_broke_off_is_repeated_and_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks behind the commit: what was written is not written again."""
    with many(2) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        real = sql.execute
        broken: list[bool] = []

        def execute(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
            rows = real(query, parameters)
            if query == SETTLE_MANY and not broken:
                broken.append(True)
                raise OperationalError("server closed the connection unexpectedly")
            return rows

        monkeypatch.setattr(settling, "execute", execute)
        those.coordinator.wake([line.workspace.pk for line in those.lines])
        while not those.coordinator.idle or those.coordinator.agenda.ready:
            those.coordinator._step_safely()
        assert broken
        assert [line.outcomes() for line in those.lines] == [{"delivered": 1}] * 2
        assert those.first.sandbox.stats()["duplicates"] == 0


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_a_database_that_is_away_sets_nobody_aside(
    monkeypatch: pytest.MonkeyPatch, lost: type[Exception]
) -> None:
    """What came is settled when it is back, and the destination is not blamed."""
    with many() as those:
        those.first.feed(1)
        real = sql.execute
        broken: list[bool] = []

        def execute(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
            if query == SETTLE_MANY and not broken:
                broken.append(True)
                raise lost("server closed the connection unexpectedly")
            return real(query, parameters)

        monkeypatch.setattr(settling, "execute", execute)
        those.coordinator.wake([those.first.workspace.pk])
        while not those.coordinator.idle or those.coordinator.agenda.ready:
            those.coordinator._step_safely()
        assert broken
        assert (those.first.delivery.failures, those.first.outcomes()) == (0, {"delivered": 1})
        assert those.first.sandbox.stats()["requests"] == 1
