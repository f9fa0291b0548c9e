"""What the set lane promises: small work of many connectors at once, each event once, counted as a turn counts."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from exporter import sql
from exporter.delivery.deliver import deliver
from exporter.delivery.lanes import claim as claims
from exporter.delivery.lanes import coordinator as coordinators
from exporter.delivery.lanes import flights
from exporter.delivery.lanes import settle_many as settling
from exporter.delivery.lanes.coordinator import Coordinator
from exporter.dispatch.shutdown import stopping
from exporter.ledger.check import check
from exporter.models import Attempt, AttemptCount, AttemptTotal, Delivery, DeliveryDelay, RejectedEvent
from tests.house.running import until
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


class Many:
    """Several lines to one sandbox, and a coordinator that has handed on `handed_on`."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.handed_on: list[int] = []
        self.coordinator = Coordinator(self.handed_on.append)

    def work(self) -> None:
        self.coordinator.settle_all([line.workspace.pk for line in self.lines])

    @property
    def first(self) -> Line:
        return self.lines[0]


@contextmanager
def many(count: int = 1, **options: Any) -> Iterator[Many]:
    with a_line(**options) as first:
        keep = {name: options[name] for name in ("selected", "include_anonymous") if name in options}
        yield Many([first, *(Line(first.sandbox, **keep) for _ in range(count - 1))])


def lease_runs_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_delivery SET lease_until = clock_timestamp() - interval '1 second'")


def test_one_event_of_each_of_many_connectors_arrives_once_and_every_ledger_balances() -> None:
    with many(40) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        those.work()
        assert sorted(those.first.arrived()) == sorted(f"event-{place}" for place in range(40))
        assert [line.outcomes() for line in those.lines] == [{"delivered": 1}] * 40
        assert Delivery.objects.filter(lease_token=None, lease_until=None, cursor=1).count() == 40
        assert those.handed_on == []


def test_it_writes_what_a_turn_writes() -> None:
    """Two connectors get the same events; one is delivered by a turn, the other in a set."""
    with many(2, selected=[EMAIL_OPEN]) as those:
        told = []
        for place, line in enumerate(those.lines):
            made = [
                event(10 + 10 * place + 1),
                event(10 + 10 * place + 2, event_type="users.messages.email.Click"),
            ]
            made += [
                event(10 + 10 * place + 3, event_type="made.up.Type"),
                event(10 + 10 * place + 4, external_user_id=None),
            ]
            line.feed_events([*made, event(10 + 10 * place + 5, campaign_name="x" * 33_000)])
            if place:
                those.coordinator.settle_all([line.workspace.pk])
            else:
                deliver(line.delivery.pk)
            told.append(_told(line))
        assert told[0] == told[1]
        assert told[0]["just now"]
        assert told[0]["outcomes"] == {
            "delivered": 1,
            "unselected": 1,
            "unsupported": 1,
            "anonymous": 1,
            "rejected": 1,
        }


def test_a_hundred_connectors_cost_a_handful_of_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the many would again wait for each other, whatever the processors could do."""
    statements: list[str] = []

    def counted(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        statements.append(query)
        return sql.execute(query, parameters)

    for module in (claims, settling, coordinators, flights):
        monkeypatch.setattr(module, "execute", counted)
    with many(100) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        those.work()
        assert len(those.first.arrived()) == 100
        assert len(statements) < 30


def _told(line: Line) -> dict[str, Any]:
    delivery, only = line.delivery, {"delivery": line.delivery}
    attempt = Attempt.objects.get(**only)
    return {
        "state": (
            delivery.cursor,
            delivery.settles,
            delivery.failures,
            delivery.ahead,
            delivery.moved_at is not None,
        ),
        "outcomes": line.outcomes(),
        "minutes": sorted(delivery.deliverycount_set.values_list("event_type", "outcome", "count")),
        "hours": sorted(delivery.deliveryhour_set.values_list("outcome", "count")),
        "delays": sum(DeliveryDelay.objects.filter(**only).values_list("count", flat=True)),
        "ranges": list(delivery.settlements.values_list("first_event", "end_event", "kind")),
        "attempt": (attempt.status, attempt.verdict, attempt.events, attempt.first_event, attempt.last_event),
        "size": attempt.bytes,
        "just now": abs(timezone.now() - attempt.at) < timedelta(minutes=1),
        "answers": list(AttemptCount.objects.filter(**only).values_list("answer", "count")),
        "all answers": list(AttemptTotal.objects.filter(**only).values_list("answer", "count")),
        "rejected": list(
            RejectedEvent.objects.filter(connector=line.connector).values_list("event_number", "reason")
        ),
    }


def test_neighbouring_ranges_of_one_revision_are_merged() -> None:
    with many() as those:
        for _ in range(3):
            those.first.feed(1)
            those.work()
        ranges = those.first.delivery.settlements.values_list("first_event", "end_event")
        assert list(ranges) == [(0, 3)]


def test_what_waits_in_several_batches_is_one_small_body() -> None:
    with many() as those:
        for _ in range(3):
            those.first.feed(1)
        those.work()
        assert those.handed_on == []
        assert those.first.sandbox.stats()["requests"] == 1
        assert those.first.arrived() == ["event-0", "event-1", "event-2"]


def test_a_backlog_is_left_to_a_turn_of_its_own() -> None:
    with many(2) as those:
        those.first.feed(claims.MOST_EVENTS + 1)
        those.lines[1].feed(1, id="a-small-one")
        those.work()
        assert those.first.arrived() == ["a-small-one"]
        assert those.handed_on == [those.first.delivery.pk]
        deliver(those.first.delivery.pk)


def test_events_too_large_for_a_small_body_are_left_to_a_turn() -> None:
    with many() as those:
        those.first.feed(20, campaign_name="".join(str(uuid.uuid4()) for _ in range(800)))
        those.work()
        assert those.handed_on == [those.first.delivery.pk]
        while deliver(those.first.delivery.pk) == "behind":
            pass
        assert len(those.first.arrived()) == 20


def test_events_that_came_while_the_lease_was_held_are_not_forgotten() -> None:
    with many(latency_ms=100) as those:
        those.first.feed(1)
        those.coordinator.wake([those.first.workspace.pk])
        those.coordinator.step()
        those.first.feed(1)
        those.coordinator.settle_all([])
        assert those.first.arrived() == ["event-0", "event-1"]


def test_the_late_answer_under_a_lost_lease_does_not_stand_for_the_body_sent_since() -> None:
    """Another worker took over, delivered and released; then this one claimed the delivery again."""
    with many(latency_ms=50) as those:
        line = those.first
        line.feed(1)
        line.sandbox.fail(hang=True, count=1)
        those.coordinator.wake([line.workspace.pk])
        those.coordinator.step()
        (lost,) = those.coordinator.flights._flying.values()
        until(lambda: line.sandbox.stats()["in_flight"], seconds=10)
        lease_runs_out()
        line.deliver()
        line.feed(1)
        line.sandbox.fail(delay_ms=500, status=200, store=True, count=1)
        those.coordinator.wake([line.workspace.pk])
        until(lambda: those.coordinator.step() and line.sandbox.stats()["in_flight"] == 2, seconds=10)
        lost.sent.flight.cut()
        those.coordinator.settle_all([])
        assert line.arrived() == ["event-0", "event-1"]
        assert line.outcomes() == {"delivered": 2}
        assert (line.delivery.failures, line.delivery.lease_token) == (0, None)


def test_a_lease_is_renewed_while_an_answer_is_awaited(settings: Any) -> None:
    settings.CURRENTS_LEASE_SECONDS = 2.0
    with many() as those:
        those.first.feed(1)
        those.first.sandbox.fail(delay_ms=3_000, status=200, store=True, count=1)
        those.work()
        assert those.first.outcomes() == {"delivered": 1}
        assert those.first.sandbox.stats()["requests"] == 1


def test_what_hangs_takes_no_healthy_one_s_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinators, "MOST_OUTSTANDING", 4)
    monkeypatch.setattr(coordinators, "LEAST_ROOM", 1)
    monkeypatch.setattr(flights, "HANGS_AFTER", 0.2)
    monkeypatch.setattr(flights, "MOST_HANGING", 3)
    with many(12) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        for place in range(6):
            those.first.sandbox.fail(hang=True, match={"message_id": f"event-{place}"})
        those.coordinator.wake([line.workspace.pk for line in those.lines])
        deadline = time.monotonic() + 10
        while len(those.first.arrived()) < 6 and time.monotonic() < deadline:
            those.coordinator._something.wait(those.coordinator.step())
        assert sorted(those.first.arrived()) == [f"event-{place}" for place in (10, 11, 6, 7, 8, 9)]
        # Before the sandbox heals: whoever is let go then gets its answer after all.
        those.coordinator.flights.cut()
        those.coordinator.settle_all([])
        those.first.sandbox.heal()
        assert sum(line.delivery.failing_since is not None for line in those.lines) == 6
        for line in those.lines:
            line.make_due()
            line.deliver()


def test_a_process_that_stops_settles_what_flies_and_begins_nothing() -> None:
    with many(2, latency_ms=300) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        those.coordinator.wake([those.first.workspace.pk])
        thread = threading.Thread(target=those.coordinator.run)
        thread.start()
        try:
            until(lambda: those.first.sandbox.stats()["in_flight"], seconds=10)
            stopping.set()
            those.coordinator.wake([those.lines[1].workspace.pk])
            thread.join(10)
        finally:
            stopping.clear()
        assert not thread.is_alive()
        assert [line.delivery.cursor for line in those.lines] == [1, 0]
        assert Delivery.objects.filter(lease_token=None).count() == 2
        those.work()


def test_two_processes_deliver_each_event_once() -> None:
    with many(30) as those:
        for place, line in enumerate(those.lines):
            line.feed_events([event(place)])
        workspaces = [line.workspace.pk for line in those.lines]

        def work() -> None:
            Coordinator(those.handed_on.append).settle_all(workspaces)
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert Counter(those.first.arrived()) == Counter({f"event-{place}": 1 for place in range(30)})
        assert check() == []
