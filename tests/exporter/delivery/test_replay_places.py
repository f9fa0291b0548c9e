"""Slow replays hold no place for ever, and a lone event that is turned down holds nobody for days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F

from connectors.audit.actor import SYSTEM
from exporter import tasks
from exporter.actions import replays
from exporter.delivery import replay, replay_places
from exporter.delivery.deliver import deliver
from exporter.delivery.lease import Lease
from exporter.delivery.result import Ended
from exporter.dispatch import wakeup
from exporter.models import Delivery, Replay, ReplayState
from tests.exporter.delivery.test_replay import lose, wanted
from tests.support.delivering import Line, a_line

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


def test_places_are_nobodys_when_nobody_waits(line: Line, woken: list[int]) -> None:
    (first, *others) = five(line)
    for one in others:
        replays.cancel(one, SYSTEM)
    assert (replay_places.free(), replay_places.wanted()) == (replay_places.PLACES, False)
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
    assert failing.update(failing_since=F("failing_since") - timedelta(minutes=12))
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.FAILED
    assert line.outcomes()["expired"] == 1, "it stays what it was, and can be sent again"


def test_many_events_that_are_turned_down_wait_for_the_key(line: Line) -> None:
    lose(line, 5)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    line.sandbox.fail(status=401)
    deliver(made.delivery_id)
    Delivery.objects.filter(pk=made.delivery_id).update(failing_since=F("failing_since") - timedelta(hours=5))
    replays.advance()
    made.refresh_from_db()
    assert made.state == ReplayState.RUNNING
