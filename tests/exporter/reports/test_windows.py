"""What a window promises: received = outcomes + pending within it, whatever came before and however old it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from connectors.models import Connector
from exporter import sql
from exporter.destinations.answer import family
from exporter.maintenance import rollup
from exporter.models import ReceivedCount, ReceivedTotal
from exporter.reports import silent_types, summary, time_series, windows
from exporter.reports.windows import DAY, HOUR, WEEK, WINDOWS, Flow
from tests.support.delivering import EMAIL_OPEN, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)
CLICK = "users.messages.email.Click"


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line(selected=[EMAIL_OPEN]) as line:
        yield line


def age(line: Line, hours: float) -> None:
    """As if everything so far had come so many hours earlier."""
    delivery = "delivery_id = (SELECT id FROM exporter_delivery WHERE workspace_id = %(workspace)s)"
    counted = {
        "receivedcount": ("minute", "workspace_id = %(workspace)s"),
        "deliverycount": ("minute", delivery),
        "deliverydelay": ("minute", delivery),
        "deliveryhour": ("hour", delivery),
        "eventbatch": ("received_at", "workspace_id = %(workspace)s"),
    }
    launched = line.connector.created_at - timedelta(hours=hours)
    Connector.objects.filter(pk=line.connector.pk).update(created_at=launched)
    line.connector.refresh_from_db()
    terms = {"minutes": round(60 * hours), "workspace": line.workspace.pk}
    with connection.cursor() as cursor:
        for table, (moment, whose) in counted.items():
            earlier = f"{moment} - make_interval(mins => %(minutes)s)"
            cursor.execute(f"UPDATE exporter_{table} SET {moment} = {earlier} WHERE {whose}", terms)


def flow(line: Line, window: windows.TimeWindow, now: datetime | None = None) -> Flow:
    found = windows.flow(line.connector, window, now or sql.clock())
    assert found.off_by == 0
    for row in found.types:
        assert row.received == sum(row.outcomes.values()) + row.pending
    return found


@pytest.mark.parametrize("name", WINDOWS)
def test_what_came_just_now_is_in_every_window(line: Line, name: str) -> None:
    line.feed(30)
    line.feed(5, external_user_id=None)
    line.feed(7, event_type=CLICK)
    line.deliver()
    line.feed(4)
    found = flow(line, WINDOWS[name])
    assert (found.received, found.pending, found.carried_in, found.before) == (46, 4, 0, 0)
    assert found.outcomes["delivered"] == 30
    assert found.outcomes["unselected"] == 7
    assert found.outcomes["anonymous"] == 5
    assert {row.event_type: row.received for row in found.types} == {EMAIL_OPEN: 39, CLICK: 7}
    assert found.change is None


def test_what_came_before_the_window_counts_as_before_it(line: Line) -> None:
    line.feed(20)
    line.deliver()
    age(line, 1.2)
    line.feed(10)
    line.deliver()
    found = flow(line, HOUR)
    assert (found.received, found.before, found.outcomes["delivered"]) == (10, 20, 10)
    assert flow(line, DAY).received == 30


def test_what_waits_from_before_the_window_is_carried_in(line: Line) -> None:
    line.feed(2_500)
    age(line, 3)
    line.feed(40)
    found = flow(line, HOUR)
    assert (found.received, found.pending, found.carried_in) == (40, 40, 2_500)
    assert (flow(line, WEEK).pending, flow(line, WEEK).carried_in) == (2_540, 0)


@pytest.mark.parametrize("batches", [1, 2, 3, 7])
def test_the_beginning_of_the_window_is_found_among_any_number_of_batches(line: Line, batches: int) -> None:
    for _ in range(batches):
        line.feed(3)
    age(line, 2)
    for _ in range(batches):
        line.feed(2)
    found = flow(line, HOUR)
    assert (found.carried_in, found.pending) == (3 * batches, 2 * batches)


@pytest.mark.parametrize(("older", "newer"), [(1, 1), (4, 1), (1, 4), (5, 8)])
def test_batches_of_one_event_end_the_search_for_the_windows_beginning(
    line: Line, older: int, newer: int
) -> None:
    """A batch that is as small as the step of the bisection is where it could go round for ever."""
    for _ in range(older):
        line.feed(1)
    age(line, 2)
    for _ in range(newer):
        line.feed(1)
    found = flow(line, HOUR)
    assert (found.carried_in, found.pending) == (older, newer)


def test_events_before_the_launch_are_not_the_connectors(line: Line) -> None:
    """The minute of the launch holds events of both sides of it."""
    line.connector.delete()
    line.feed(500)
    line.connector = line.launch(line.workspace, [EMAIL_OPEN])
    line.feed(12)
    line.deliver()
    for window in WINDOWS.values():
        assert flow(line, window).received == 12


def test_rolling_up_changes_no_window(line: Line) -> None:
    line.feed(50)
    line.deliver()
    age(line, 25)
    line.feed(10)
    line.deliver()
    age(line, 5)
    line.feed(3)
    line.deliver()
    now = sql.clock()
    before = {name: flow(line, window, now) for name, window in WINDOWS.items()}
    assert rollup.roll_up() > 0
    for name, window in WINDOWS.items():
        after = windows.flow(line.connector, window, now)
        assert (after.received, after.outcomes, after.before) == (
            before[name].received,
            before[name].outcomes,
            before[name].before,
        )
    assert [before[name].received for name in ("1h", "24h", "7d")] == [3, 13, 63]


def test_change_compares_events_per_second() -> None:
    now = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
    made = Flow(DAY, DAY.since(now), now, 2_350, {}, 0, 0, 2_400, [])
    assert (now - made.since) == timedelta(hours=23, minutes=30)
    assert made.change == pytest.approx(0.0)
    assert replace(made, received=0).change == -1.0
    assert replace(made, before=0).change is None


def test_timelines_tell_the_same_as_the_window(line: Line) -> None:
    line.feed(60)
    line.deliver()
    age(line, 2)
    line.feed(30)
    line.sandbox.fail(status=503, count=1)
    line.deliver()
    line.make_due()
    line.deliver()
    for window in WINDOWS.values():
        found = time_series.trends(summary.summary(line.connector), window)
        events, delays, attempts = found.events, found.delays, found.attempts
        assert len(events.begins) == window.steps
        assert sum(value or 0 for value in events.rows["delivered"]) == (30 if window is HOUR else 90)
        told = [value for value in delays.rows["p95"] if value is not None]
        assert told
        assert all(value > 0 for value in told)
        assert sum(value or 0 for value in attempts.rows["wait"]) == 1
        assert sum(value or 0 for value in attempts.rows["accepted"]) == 2
        assert not attempts.empty


def test_an_answer_belongs_to_one_family() -> None:
    found = {answer: family(answer) for answer in ("200", "302", "400", "401", "429", "503", "none")}
    assert list(found.values()) == ["accepted", "refused", "refused", "refused", "wait", "wait", "none"]


def learn(line: Line, event_type: str, every: int, last_hours_ago: float) -> None:
    now = sql.clock()
    for hours in range(27, 24 * 7, every):
        minute = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        ReceivedCount.objects.create(workspace=line.workspace, minute=minute, event_type=event_type, count=3)
    ReceivedTotal.objects.create(
        workspace=line.workspace,
        event_type=event_type,
        count=99,
        last_received_at=now - timedelta(hours=last_hours_ago),
    )


@pytest.mark.parametrize(
    ("every", "quiet_hours", "silent"),
    [(1, 2.5, False), (1, 4, True), (6, 11, False), (6, 13, True), (24, 60, False)],
)
def test_a_type_is_silent_after_twice_its_longest_pause(every: int, quiet_hours: float, silent: bool) -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        learn(line, EMAIL_OPEN, every, quiet_hours)
        learn(line, CLICK, 1, 90)  # not selected: nobody waits for it
        found = silent_types.silent(line.connector, sql.clock())
        assert [one.event_type for one in found] == ([EMAIL_OPEN] if silent else [])
        ReceivedCount.objects.all().delete()
        ReceivedTotal.objects.all().delete()
