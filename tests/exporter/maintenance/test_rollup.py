"""What rolling up promises: fewer rows, the same sums, whoever adds to old minutes meanwhile."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Model, Sum

from exporter.maintenance import rollup
from exporter.maintenance.rollup import roll_up
from exporter.models import AttemptCount, ChoreFault, Delivery, DeliveryCount, DeliveryDelay, ReceivedCount
from tests.support.ageing import signed, wait_for_a_blocked_statement
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)

CLICK = "users.messages.email.Click"
TABLES: list[tuple[type[Model], tuple[str, ...], tuple[str, ...]]] = [
    (DeliveryCount, ("event_type", "outcome"), ("count",)),
    (AttemptCount, ("answer",), ("count", "milliseconds")),
    (DeliveryDelay, ("bucket",), ("count",)),
    (ReceivedCount, ("event_type",), ("count", "anonymous")),
]


def two_old_hours(line: Line) -> datetime:
    """Batches in the minutes 0, 5, 10 of two hours of the day before yesterday, delivered; answers the first."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=50)
    moments = [hour + timedelta(hours=hours, minutes=minutes) for hours in (0, 1) for minutes in (0, 5, 10)]
    for number, moment in enumerate(moments):
        line.feed_events(
            [event(10 * number + place, event_type=(EMAIL_OPEN, CLICK)[place % 2]) for place in range(4)]
        )
        _shift("eventbatch", "received_at", moment)
        _shift("receivedcount", "minute", moment)
        line.deliver()
        _shift("attemptcount", "minute", moment)
    return hour


def _shift(table: str, column: str, moment: datetime) -> None:
    """What has come since yesterday came at `moment`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE exporter_{table} SET {column} = %s WHERE {column} > now() - interval '24 hours'",
            [moment],
        )


def sums(model: type[Model], keys: tuple[str, ...], columns: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """By hour and key."""
    found: dict[tuple[Any, ...], Any] = {}
    for row in model._default_manager.values_list("minute", *keys, *columns):
        key = (row[0].replace(minute=0), *row[1 : 1 + len(keys)])
        found[key] = tuple(
            map(sum, zip(found.get(key, (0,) * len(columns)), row[1 + len(keys) :], strict=True))
        )
    return found


@pytest.mark.parametrize("slice_size", [1, 3, 1_000])
def test_minutes_become_hours_and_every_sum_stays(slice_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "SLICE", slice_size)
    with a_line() as line:
        hour = two_old_hours(line)
        before = [sums(*table) for table in TABLES]
        assert DeliveryCount.objects.count() == 12
        assert roll_up() >= 8
        assert [sums(*table) for table in TABLES] == before
        for model, _keys, _columns in TABLES:
            minutes = set(model._default_manager.values_list("minute", flat=True))
            assert minutes == {hour, hour + timedelta(hours=1)}
        assert DeliveryCount.objects.count() == 4
        assert roll_up() == 0


def test_the_last_three_hours_keep_their_minutes() -> None:
    with a_line() as line:
        line.feed(3)
        _shift("eventbatch", "received_at", datetime.now(UTC).replace(minute=7) - timedelta(hours=2))
        line.deliver()
        assert roll_up() == 0
        assert DeliveryCount.objects.get().minute.minute == 7


def test_what_is_delivered_late_joins_its_hour() -> None:
    with a_line() as line:
        hour = two_old_hours(line)
        signed("rollup_all")
        roll_up()
        line.feed_events([event(900), event(901)])
        _shift("eventbatch", "received_at", hour + timedelta(minutes=7))
        line.deliver()
        assert DeliveryCount.objects.filter(minute=hour + timedelta(minutes=7)).exists()
        assert roll_up() > 0
        joined = DeliveryCount.objects.get(minute=hour, event_type=EMAIL_OPEN)
        assert joined.count == 8


def test_rolling_up_waits_for_a_settle_and_counts_what_it_added() -> None:
    with a_line() as line:
        hour = two_old_hours(line)
        line.feed_events([event(900)])
        _shift("eventbatch", "received_at", hour + timedelta(minutes=5))

        def work() -> None:
            roll_up()
            connection.close()

        thread = threading.Thread(target=work)
        with transaction.atomic():
            assert line.deliver() == "idle"
            thread.start()
            wait_for_a_blocked_statement()
        thread.join()
        total = DeliveryCount.objects.filter(minute__lt=hour + timedelta(hours=1)).aggregate(
            total=Sum("count")
        )
        assert total == {"total": 13}
        assert set(DeliveryCount.objects.values_list("minute", flat=True)) == {
            hour,
            hour + timedelta(hours=1),
        }


def test_rolling_up_takes_its_turn_before_it_takes_a_row() -> None:
    """A settle locks its delivery first, then rows; in another order the two could wait for each other."""
    with a_line() as line:
        two_old_hours(line)

        def work() -> None:
            roll_up()
            connection.close()

        thread = threading.Thread(target=work)
        with transaction.atomic():
            Delivery.objects.select_for_update().get()
            thread.start()
            wait_for_a_blocked_statement()
            with connection.cursor() as cursor:
                cursor.execute("SELECT count FROM exporter_deliverycount FOR UPDATE NOWAIT")
                assert len(cursor.fetchall()) == 12
        thread.join()
        assert DeliveryCount.objects.count() == 4


def test_what_is_older_than_any_event_is_found_once_a_day() -> None:
    with a_line() as line:
        line.feed(3)
        old = datetime.now(UTC).replace(minute=7, second=0, microsecond=0) - timedelta(days=40)
        _shift("eventbatch", "received_at", old)
        line.deliver()
        signed("rollup_all")
        assert roll_up() == 0
        signed("rollup_all", minutes_ago=24 * 60 + 1)
        assert roll_up() > 0
        assert DeliveryCount.objects.get().minute == old.replace(minute=0)


def test_what_fails_for_one_owner_is_rolled_up_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line, a_line() as other:
        two_old_hours(line)
        two_old_hours(other)
        slice_of = rollup._slice

        def failing(table: Any, terms: dict[str, Any]) -> int:
            if table.owner == "delivery" and terms["owner"] == line.delivery.pk:
                raise ZeroDivisionError
            return slice_of(table, terms)

        monkeypatch.setattr(rollup, "_slice", failing)
        roll_up()
        assert DeliveryCount.objects.filter(delivery=line.delivery).count() == 12
        assert DeliveryCount.objects.filter(delivery=other.delivery).count() == 4
        assert set(ChoreFault.objects.values_list("row_id", flat=True)) == {line.delivery.pk}
