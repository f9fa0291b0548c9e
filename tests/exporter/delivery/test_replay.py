"""A replay delivers what was asked for and nothing else; each event keeps one outcome, and every ledger balances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors.audit.actor import SYSTEM
from connectors.catalogue.catalogue import ALL
from connectors.models import Connector
from connectors.setup import lifecycle
from exporter import sql
from exporter.actions import replays
from exporter.actions.replay_preview import ReplayRefused, Wanted
from exporter.delivery import expiry, replay
from exporter.delivery.body import Body
from exporter.delivery.deliver import deliver
from exporter.delivery.result import Ended
from exporter.delivery.window import SendWindow
from exporter.destinations.packing import Limits
from exporter.ledger import check
from exporter.models import Delivery, RecoveredEvent, Replay, ReplayState
from exporter.reports import event_search
from tests.support.ageing import make_older, signed
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event
from tests.support.log_lines import lines_of
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


def wanted(**fields: Any) -> Wanted:
    now = timezone.now()
    return Wanted(since=now - timedelta(days=6), until=now + timedelta(minutes=1), **fields)


def run(replay: Replay) -> dict[str, int]:
    """Turns until it is over; answers what became of the events that were asked for."""
    for _ in range(50):
        replays.advance()
        replay.refresh_from_db()
        if replay.state != ReplayState.RUNNING:
            break
        Delivery.objects.filter(pk=replay.delivery_id).update(next_attempt_at=None)
        deliver(replay.delivery_id)
    counts: dict[str, int] = {}
    for name, outcome, count in replay.delivery.deliverytotal_set.values_list(
        "event_type", "outcome", "count"
    ):
        if (name, outcome) != ("other", "unselected"):
            counts[outcome] = counts.get(outcome, 0) + count
    return counts


def live(line: Line) -> dict[str, int]:
    """The live ledger's outcomes that any event has."""
    return {outcome: count for outcome, count in line.outcomes().items() if count}


def lose(line: Line, count: int) -> list[str]:
    """Events that came while the destination was down and expired."""
    line.sandbox.fail(status=503)
    ids = line.feed(count)
    line.deliver()
    signed("sweep")
    make_older(line, hours=50)
    expiry.expire_due()
    line.sandbox.heal()
    assert line.outcomes()["expired"] == count
    return ids


def test_what_expired_is_delivered_after_all_and_has_one_outcome(line: Line) -> None:
    lost = lose(line, 30)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    assert made.events == 30
    assert run(made) == {"delivered": 30}
    assert made.state == ReplayState.DONE
    assert sorted(line.arrived()) == sorted(lost)
    assert live(line) == {"delivered": 30}
    assert RecoveredEvent.objects.count() == 30
    assert check.check() == []
    found = event_search.search(line.workspace.pk, event_search.SearchBy.EVENT, lost[0]).found[0]
    assert event_search.fate(line.connector, found).outcome == "delivered"


def test_what_was_delivered_is_not_sent_again_unless_it_is_asked_for(line: Line) -> None:
    line.feed(5)
    line.deliver()
    with pytest.raises(ReplayRefused, match="No event of that time"):
        replays.begin(line.connector, wanted(), SYSTEM)
    made = replays.begin(line.connector, wanted(outcomes=["delivered"]), SYSTEM)
    assert run(made) == {"delivered": 5}
    sent = made.delivery.attempts.filter(verdict="accepted").values_list("events", flat=True)
    assert sum(sent) == 5
    assert live(line) == {"delivered": 5}
    assert check.check() == []


def test_new_ids_are_new_and_the_same_whenever_the_replay_is_repeated(line: Line) -> None:
    old = line.feed(3)
    line.deliver()
    run(replays.begin(line.connector, wanted(outcomes=["delivered"], same_ids=False), SYSTEM))
    fresh = sorted(set(line.arrived()) - set(old))
    assert len(fresh) == 3
    assert all("-replay-" in one and len(one) <= 100 for one in fresh)


def test_what_was_delivered_after_all_is_not_sent_again_under_new_settings(line: Line) -> None:
    """What an event was is then told by the rules of that time, and a replay since has changed it."""
    lost = lose(line, 4)
    run(replays.begin(line.connector, wanted(), SYSTEM))
    chosen = lifecycle.Settings("Segment", "data@example.com", sorted(ALL), True)
    lifecycle.update(line.connector, chosen, seen_version=1, by=SYSTEM)
    more = lose(line, 2)
    assert run(replays.begin(line.connector, wanted(), SYSTEM)) == {"delivered": 2}
    assert sorted(line.arrived()) == sorted([*lost, *more])
    assert live(line) == {"delivered": 6}


def test_only_the_types_that_were_asked_for_are_sent(line: Line) -> None:
    line.sandbox.fail(status=503)
    opened = line.feed_events([event(n, event_type=EMAIL_OPEN) for n in range(4)])
    line.feed_events([event(100 + n, event_type="users.messages.email.Click") for n in range(4)])
    line.deliver()
    signed("sweep")
    make_older(line, hours=50)
    expiry.expire_due()
    line.sandbox.heal()
    run(replays.begin(line.connector, wanted(event_types=[EMAIL_OPEN]), SYSTEM))
    assert sorted(line.arrived()) == sorted(opened)
    assert check.check() == []


def test_a_rejected_event_that_is_accepted_now_is_delivered(line: Line) -> None:
    line.sandbox.fail(status=400, match={"message_id_prefix": "bad-"})
    line.feed(10)
    line.feed_events([event(500, id="bad-1")])
    line.feed(10)
    line.deliver()
    assert line.outcomes()["rejected"] == 1
    line.sandbox.heal()
    assert run(replays.begin(line.connector, wanted(), SYSTEM)) == {"delivered": 1}
    assert live(line) == {"delivered": 21}
    assert check.check() == []


def test_of_two_replays_one_waits_and_one_may_be_paused_and_cancelled(line: Line) -> None:
    lose(line, 5)
    first = replays.begin(line.connector, wanted(), SYSTEM)
    second = replays.begin(line.connector, wanted(), SYSTEM)
    states = dict(Replay.objects.values_list("pk", "state"))
    assert states == {first.pk: "running", second.pk: "waiting"}
    replays.pause(first, SYSTEM)
    assert deliver(first.delivery_id) == Ended.HELD
    with pytest.raises(ReplayRefused, match="Another replay"):
        replays.pause(second, SYSTEM)
    replays.cancel(first, SYSTEM)
    replays.advance()
    second.refresh_from_db()
    assert second.state == ReplayState.RUNNING
    assert run(second) == {"delivered": 5}
    with pytest.raises(ReplayRefused, match="done"):
        replays.cancel(second, SYSTEM)
    assert check.check() == []


@pytest.mark.parametrize("state", [ReplayState.PAUSED, ReplayState.WAITING, ReplayState.CANCELLED])
def test_a_turn_ends_soon_after_its_replay_is_no_longer_running(
    line: Line, state: ReplayState, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(line, 9)
    made = replays.begin(line.connector, wanted(rate=3), SYSTEM)
    monkeypatch.setattr(replay, "_LOOK_SECONDS", 0.0)
    launched: list[int] = []

    def stop(_turn: replay.ReplayTurn, body: Body) -> None:
        launched.append(len(body.calls))
        Replay.objects.update(state=state)

    monkeypatch.setattr(replay.ReplayTurn, "launched", stop)
    assert deliver(made.delivery_id) == Ended.BEHIND
    assert launched == [3]
    monkeypatch.undo()
    Replay.objects.update(state=ReplayState.RUNNING)
    assert run(made) == {"delivered": 9}


def test_a_key_rejected_in_the_middle_loses_nothing(line: Line) -> None:
    lose(line, 8)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    line.sandbox.fail(status=401)
    deliver(made.delivery_id)
    assert live(line) == {"expired": 8}
    line.sandbox.heal()
    assert run(made) == {"delivered": 8}
    assert live(line) == {"delivered": 8}
    assert check.check() == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"rate": 0}, "rate must be between"),
        ({"outcomes": []}, "at least one outcome"),
        ({"outcomes": ["lost"]}, "at least one outcome"),
        ({"event_types": ["users.never.heard"]}, "not an event type"),
    ],
)
def test_what_is_not_possible_is_said_and_nothing_begins(
    line: Line, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ReplayRefused, match=sentence):
        replays.begin(line.connector, wanted(**fields), SYSTEM)
    assert not Replay.objects.exists()


def test_a_span_without_retained_events_begins_nothing(line: Line) -> None:
    lose(line, 1)
    then = timezone.now() + timedelta(hours=1)
    with pytest.raises(ReplayRefused, match="No events of that time are kept"):
        replays.begin(line.connector, Wanted(then, then + timedelta(hours=1)), SYSTEM)
    with pytest.raises(ReplayRefused, match="later than the start"):
        replays.begin(line.connector, Wanted(then, then), SYSTEM)


def test_what_expired_is_delivered_after_all_though_the_settings_change_while_it_is_sent(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(line, 20)
    made = replays.begin(line.connector, wanted(), SYSTEM)
    monkeypatch.setattr(SendWindow, "width", 4)
    monkeypatch.setattr(replay.ReplayTurn, "limits", lambda _turn: Limits(events=5))
    launched: list[int] = []

    def change(_turn: replay.ReplayTurn, body: Body) -> None:
        launched.append(len(body.calls))
        if len(launched) == 2:
            chosen = lifecycle.Settings("Segment", "data@example.com", sorted(ALL), True)
            lifecycle.update(line.connector, chosen, seen_version=1, by=SYSTEM)

    monkeypatch.setattr(replay.ReplayTurn, "launched", change)
    assert run(made) == {"delivered": 20}
    assert live(line) == {"delivered": 20}
    assert RecoveredEvent.objects.count() == 20
    assert check.check() == []


def test_what_was_not_selected_then_is_sent_once_it_is(line: Line) -> None:
    def choose(*types: str) -> None:
        version = Connector.objects.get(pk=line.connector.pk).version
        chosen = lifecycle.Settings("Segment", "data@example.com", list(types), False)
        lifecycle.update(line.connector, chosen, seen_version=version, by=SYSTEM)

    choose("users.messages.email.Click")
    opened = line.feed(4)
    line.deliver()
    assert live(line) == {"unselected": 4}
    choose(EMAIL_OPEN)
    assert run(replays.begin(line.connector, wanted(outcomes=["unselected"]), SYSTEM)) == {"delivered": 4}
    assert sorted(line.arrived()) == sorted(opened)
    assert live(line) == {"unselected": 4}, "it was not lost, so the live ledger stays as it is"
    assert check.check() == []


def test_a_turn_of_a_replay_ends_quietly_when_its_connector_is_deleted(
    line: Line, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(replay, "_LOOK_SECONDS", -1.0)
    line.feed(3)
    line.deliver()
    made = replays.begin(line.connector, wanted(outcomes=("delivered",)), SYSTEM)
    look = sql.execute

    def late(statement: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
        if Connector.objects.exists():
            in_future(lambda: lifecycle.delete(line.connector, by=SYSTEM)).result(20)
        return look(statement, terms)

    monkeypatch.setattr(replay, "execute", late)
    assert deliver(made.delivery_id) == Ended.GONE
    assert lines_of(caplog, "delivery.turn_failed") == []
