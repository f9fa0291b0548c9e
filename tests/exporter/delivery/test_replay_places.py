"""Slow replays hold no place for ever, and a lone event that is turned down holds nobody for days."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from connectors.audit.actor import SYSTEM
from connectors.setup import lifecycle
from exporter import sql, tasks
from exporter.actions import replays
from exporter.actions.try_now import try_now
from exporter.delivery import reader, replay, replay_places
from exporter.delivery.deliver import deliver
from exporter.delivery.lease import Lease
from exporter.delivery.result import Ended
from exporter.dispatch import wakeup
from exporter.models import Delivery, Replay, ReplayState
from exporter.sql import execute
from tests.exporter.delivery.test_replay import lose, run, wanted
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The deliveries of replays that were woken, instead of their messages."""
    told: list[int] = []
    monkeypatch.setattr(wakeup, "wake_chore", lambda _task, row_id: told.append(row_id))
    return told


def wanted_by_another() -> bool:
    return bool(execute(f"SELECT {replay_places.WANTED}", replay_places.terms())[0][0])


def five(line: Line, rate: int | None = None) -> list[Replay]:
    """Of five connectors, each with something to send again; the fifth has waited longest."""
    lines = [line, *(Line(line.sandbox) for _ in range(4))]
    for each in lines:
        each.feed(9)
        each.deliver()
    asked = wanted(outcomes=["delivered"], rate=rate)
    made = [replays.begin(each.connector, asked, SYSTEM) for each in lines]
    Delivery.objects.filter(replay__in=made).update(round=2)
    Delivery.objects.filter(replay=made[4]).update(round=1)
    return made


def test_a_fifth_replay_moves_while_four_hold_the_places(line: Line, woken: list[int]) -> None:
    made = five(line)
    assert set(Replay.objects.values_list("state", flat=True)) == {"running"}
    woken.clear()
    leases = [Lease.take(one.delivery_id) for one in made[:4]]
    assert all(leases)
    assert tasks.replay(made[4].delivery_id) == Ended.HELD
    replays.advance()
    assert woken == []
    assert leases[0] is not None
    leases[0].release()
    replays.advance()
    assert woken == [made[4].delivery_id], "whoever waited longest comes first"


def test_a_slow_turn_gives_its_place_to_who_waits(
    line: Line, woken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = five(line, rate=1)
    for name in ("_LOOK_SECONDS", "SHORT_TURN"):
        monkeypatch.setattr(replay, name, 0.0)
    for one in made[:3]:
        assert Lease.take(one.delivery_id)
    woken.clear()
    assert tasks.replay(made[3].delivery_id) == Ended.BEHIND
    assert woken
    assert woken[0] == made[4].delivery_id


def test_a_place_is_taken_by_nobody_around_the_line(
    line: Line, woken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries now or changes settings wakes a replay only where there is a place."""
    made = five(line)
    told: list[tuple[str, object, str]] = []
    monkeypatch.setattr(wakeup, "_send", told.extend)
    leases = [Lease.take(one.delivery_id) for one in made[:4]]
    woken.clear()
    last = made[4].connector
    try_now(last, SYSTEM)
    lifecycle.resume(lifecycle.pause(last, by=SYSTEM), by=SYSTEM)
    assert woken == []
    assert [task for task, _argument, _queue in told if task != "exporter.tasks.wake"] == []
    assert leases[0] is not None
    leases[0].release()
    try_now(last, SYSTEM)
    assert woken == [made[4].delivery_id]


def test_two_who_claim_at_once_wake_nobody_twice(line: Line, woken: list[int]) -> None:
    made = five(line)
    with transaction.atomic():
        mine = replay_places.claim()
        other = in_thread(lambda: woken.extend(replay_places.claim()))
        other.join(5)
        assert not other.is_alive()
    assert len(mine) == replay_places.PLACES
    assert sorted([*mine, *woken[-1:]]) == sorted(one.delivery_id for one in made)


def test_a_replay_somebody_else_holds_wakes_no_other(line: Line, woken: list[int]) -> None:
    made = five(line)
    assert Lease.take(made[0].delivery_id)
    woken.clear()
    assert tasks.replay(made[0].delivery_id) == Ended.HELD
    assert woken == []


def test_times_of_a_clock_that_was_set_back_hold_no_place(line: Line, woken: list[int]) -> None:
    made = five(line)
    far = sql.clock() + timedelta(hours=3)
    ours = Delivery.objects.filter(replay__in=made)
    ours.update(lease_until=far, lease_token=uuid.uuid4(), next_attempt_at=far)
    assert replay_places.free() == replay_places.PLACES
    woken.clear()
    replays.advance()
    assert len(woken) == replay_places.PLACES


def test_places_are_nobodys_when_nobody_waits(line: Line, woken: list[int]) -> None:
    (first, *others) = five(line)
    for one in others:
        replays.cancel(one, SYSTEM)
    assert (replay_places.free(), wanted_by_another()) == (replay_places.PLACES, False)
    assert tasks.replay(first.delivery_id) == Ended.DONE


@pytest.mark.parametrize("status", [400, 401])
def test_a_lone_event_that_is_turned_down_ends_its_replay_soon(line: Line, status: int) -> None:
    lose(line, 1)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    line.sandbox.fail(status=status)
    assert deliver(made.delivery_id) == Ended.FAILED
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.RUNNING
    failing = Delivery.objects.filter(pk=made.delivery_id, alone=True)
    assert failing.update(failing_since=F("failing_since") - timedelta(minutes=12), next_attempt_at=None)
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.RUNNING, "nobody has looked for its neighbours yet"
    assert deliver(made.delivery_id) == Ended.FAILED
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.FAILED
    assert line.outcomes()["expired"] == 1, "it stays what it was, and can be sent again"


def test_other_failures_before_leave_a_lone_event_all_its_time(line: Line) -> None:
    lose(line, 1)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    line.sandbox.fail(status=503, count=1)
    assert deliver(made.delivery_id) == Ended.FAILED
    Delivery.objects.filter(pk=made.delivery_id).update(
        failing_since=F("failing_since") - timedelta(minutes=12), failures=9, next_attempt_at=None
    )
    line.sandbox.fail(status=400)
    assert deliver(made.delivery_id) == Ended.FAILED
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.RUNNING, "it was turned down just now"


@pytest.mark.parametrize("status", [400, 403])
def test_a_bad_event_before_a_slow_replay_stops_nothing_behind_it(line: Line, status: int) -> None:
    lose(line, 4)
    made = replays.begin(line.connector, wanted(rate=1), SYSTEM)
    line.sandbox.fail(status=status, match={"message_id": "event-0"})
    assert run(made) == {"delivered": 3, "rejected": 1}


@pytest.mark.parametrize("status", [400, 403])
def test_a_bad_event_far_before_the_next_one_that_was_asked_for_stops_nothing(
    line: Line, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_SKIPPED_BATCHES", 3)
    line.feed(1)
    for number in range(9):
        line.feed_events([event(100 + number, event_type="users.messages.email.Click")])
    line.feed_events([event(1)])
    line.deliver()
    asked = wanted(outcomes=["delivered"], event_types=[EMAIL_OPEN])
    made = replays.begin(line.connector, asked, SYSTEM)
    line.sandbox.fail(status=status, match={"message_id": "event-0"})
    assert run(made) == {"delivered": 1, "rejected": 1}


def test_many_events_that_are_turned_down_wait_for_the_key(line: Line) -> None:
    lose(line, 5)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    line.sandbox.fail(status=401)
    deliver(made.delivery_id)
    Delivery.objects.filter(pk=made.delivery_id).update(failing_since=F("failing_since") - timedelta(hours=5))
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.RUNNING
