"""Failure is total: whatever a turn meets, what was accepted is settled, and nothing repeats without end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from exporter.delivery import reader, settle
from exporter.delivery.deliver import deliver
from exporter.destinations.segment.transform import Judged, convert
from exporter.models import Attempt, Delivery, EventBatch, Incident
from tests.support.damaging import cut_payload, mend
from tests.support.delivering import EMAIL_OPEN, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


def feed_batches(line: Line, batches: int, events: int = 500) -> None:
    for _ in range(batches):
        line.feed(events, campaign_name="x" * 400)


def until_it_stands(line: Line, turns: int = 20) -> None:
    """As the sweep would, without its waiting: turn by turn, each as if it were due."""
    for _ in range(turns):
        line.make_due()
        line.deliver()


def waiting_seconds() -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM next_attempt_at - clock_timestamp())::float8 FROM exporter_delivery"
        )
        return float(cursor.fetchone()[0] or 0.0)


def test_bodies_in_flight_before_a_damaged_batch_are_settled_and_never_sent_again() -> None:
    with a_line(latency_ms=100) as line:
        feed_batches(line, 8)
        damaged = cut_payload(2_500)
        until_it_stands(line)
        delivery = line.delivery
        assert (delivery.cursor, delivery.stopped) == (damaged.first_event, "log_damaged")
        assert len(line.arrived()) == damaged.first_event
        assert line.sandbox.stats()["duplicates"] == 0
        mend(damaged)
        until_it_stands(line, 3)
        assert line.outcomes() == {"delivered": 4_000}
        assert line.sandbox.stats()["duplicates"] == 0
        assert line.delivery.stopped == ""


def test_a_damaged_log_waits_for_five_minutes_and_opens_an_incident() -> None:
    with a_line() as line:
        feed_batches(line, 1)
        damaged = cut_payload(0)
        assert line.deliver() == "failed"
        assert 299 < waiting_seconds() <= 300
        assert line.deliver() == "held"
        assert line.delivery.failing_since is not None
        assert Incident.objects.get().reason == "log_damaged"
        assert Attempt.objects.count() == 0, "nothing was asked of Segment"
        mend(damaged)
        until_it_stands(line, 2)


def lose_a_batch(number: int) -> EventBatch:
    batch = EventBatch.objects.get(first_event__lte=number, end_event__gt=number)
    EventBatch.objects.filter(pk=batch.pk).delete()
    return batch


@pytest.mark.parametrize("lost", [600, 1_400], ids=["in the middle", "at the end"])
def test_a_hole_in_the_log_is_a_damage_wherever_it_is(lost: int) -> None:
    with a_line() as line:
        feed_batches(line, 3)
        batch = lose_a_batch(lost)
        until_it_stands(line, 3)
        assert (line.delivery.cursor, line.delivery.stopped) == (batch.first_event, "log_damaged")
        assert line.sandbox.stats()["duplicates"] == 0
        batch.save(force_insert=True)
        until_it_stands(line, 2)
        assert line.outcomes() == {"delivered": 1_500}


def test_counts_that_do_not_add_up_are_a_damage_and_not_believed() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(10, event_type="users.messages.email.Click")
        batch = EventBatch.objects.get()
        EventBatch.objects.update(type_counts={"users.messages.email.Click": [9, 0]})
        assert line.deliver() == "failed"
        assert (line.delivery.cursor, line.delivery.stopped) == (0, "log_damaged")
        mend(batch)
        until_it_stands(line, 1)
        assert (line.outcomes(), line.delivery.stopped) == ({"unselected": 10}, "")


def test_a_damage_heals_although_nothing_behind_it_is_sent() -> None:
    with a_line(selected=["users.messages.email.Click"]) as line:
        line.feed(5, event_type="users.messages.email.Click", external_user_id=None)
        damaged = cut_payload(0)
        assert line.deliver() == "failed"
        mend(damaged)
        until_it_stands(line, 1)
        delivery = line.delivery
        assert (delivery.stopped, delivery.failing_since, delivery.failures) == ("", None, 0)


def broken_transform(monkeypatch: pytest.MonkeyPatch, event: int, fault: Exception) -> None:

    def breaking(line: bytes, plan: Any) -> Judged:
        if b'"event-%d"' % event in line:
            raise fault
        return convert(line, plan)

    monkeypatch.setattr(reader, "convert", breaking)


@pytest.mark.parametrize("fault", [ZeroDivisionError(), MemoryError(), RuntimeError("a bug")])
def test_a_bug_in_the_transform_repeats_nothing_and_backs_off(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    with a_line(latency_ms=100) as line:
        feed_batches(line, 6)
        with monkeypatch.context() as patch:
            broken_transform(patch, 2_600, fault)
            until_it_stands(line, 5)
            assert waiting_seconds() > 0
            assert line.deliver() == "held"
            assert line.delivery.failures >= 3
            assert line.sandbox.stats()["duplicates"] == 0
            assert len(line.arrived()) == line.delivery.cursor >= 2_000
            assert Attempt.objects.filter(error=f"internal fault ({type(fault).__name__})").exists()
        until_it_stands(line, 3)
        assert line.outcomes() == {"delivered": 3_000}
        assert line.sandbox.stats()["duplicates"] == 0


def test_a_settle_that_fails_over_its_figures_is_made_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        line.feed(10)

        def broken(_tried: Any) -> Any:
            if _tried:
                raise OverflowError
            return attempts([])

        attempts = settle._attempts
        monkeypatch.setattr(settle, "_attempts", broken)
        assert line.deliver() == "failed"
        assert (line.delivery.cursor, line.delivery.failures) == (10, 1)
        assert line.outcomes() == {"delivered": 10}
        until_it_stands(line, 2)
        assert line.sandbox.stats()["duplicates"] == 0


def test_a_settle_that_cannot_be_made_at_all_repeats_little_and_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        line.feed(1_000)

        def broken(*_anything: Any) -> Any:
            raise OverflowError

        with monkeypatch.context() as patch:
            patch.setattr(settle, "_ranges", broken)
            until_it_stands(line, 3)
            sizes = [request["calls"] for request in line.sandbox.requests()]
            assert sizes[1:] == [250, 250]
            assert line.delivery.failures == 3
            assert waiting_seconds() > 0
        until_it_stands(line, 2)
        assert line.outcomes() == {"delivered": 1_000}


def test_a_delivery_whose_row_cannot_be_read_backs_off_too() -> None:
    with a_line() as line:
        line.feed(5)
        Delivery.objects.update(ahead=[{"first": 3}])
        assert line.deliver() == "failed"
        assert (line.delivery.failures, line.delivery.ahead) == (1, [{"first": 3}])
        assert waiting_seconds() > 0
        Delivery.objects.update(ahead=[])
        until_it_stands(line, 1)


def test_a_batch_that_is_partly_passed_is_read_although_its_types_are_no_longer_chosen() -> None:
    with a_line() as line:
        line.feed(20)
        line.sandbox.fail(status=200, store=True, count=1)
        delivery = line.delivery
        body_of_ten(line)
        assert line.delivery.cursor == 10
        chosen(line, ["users.messages.email.Click"])
        assert deliver(delivery.pk) == "idle"
        assert line.outcomes() == {"delivered": 10, "unselected": 10}


def body_of_ten(line: Line) -> None:
    """Delivers the first ten events of a batch and no more."""
    stop = Delivery.objects.filter(pk=line.delivery.pk)
    stop.update(stop=10)
    line.deliver()
    stop.update(stop=None)


def chosen(line: Line, event_types: list[str]) -> None:
    from connectors.setup import lifecycle
    from connectors.setup.lifecycle import Settings
    from tests.support.delivering import NOBODY

    lifecycle.update(
        line.connector, Settings("Segment", "data@example.com", event_types, False), seen_version=1, by=NOBODY
    )
