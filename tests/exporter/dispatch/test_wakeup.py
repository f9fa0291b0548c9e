"""Wake-ups: few messages for many connectors, each to the lane it belongs to, and none that nobody reads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from exporter.dispatch import wakeup
from exporter.dispatch.sweep import sweep
from exporter.intake import notifier
from exporter.models import Delivery
from tests.house.running import until
from tests.support.delivering import Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)

Sent = list[tuple[str, Any, str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the broker took."""
    taken: Sent = []
    monkeypatch.setattr(wakeup._Broker, "send", lambda _broker, *message: taken.append(message))
    monkeypatch.setattr(wakeup._Broker, "length", lambda _broker, _queue: 0)
    monkeypatch.setattr(wakeup._threads, "broker", wakeup._Broker())
    return taken


def test_many_workspaces_travel_in_few_messages(sent: Sent) -> None:
    assert wakeup.wake_workspaces(range(1, 2 * wakeup.MOST_IDS + 2))
    assert [len(ids) for _task, ids, _queue in sent] == [wakeup.MOST_IDS, wakeup.MOST_IDS, 1]
    assert {(task, queue) for task, _ids, queue in sent} == {("exporter.tasks.wake", "delivery")}


def test_the_sweep_tells_each_lane_its_own(sent: Sent) -> None:
    with a_line() as healthy:
        failing, idle = Line(healthy.sandbox), Line(healthy.sandbox)
        for line in (healthy, failing):
            line.feed(1)
        past = timezone.now() - timedelta(seconds=1)
        Delivery.objects.filter(pk=failing.delivery.pk).update(
            failing_since=past, next_attempt_at=past, failures=1
        )
        notifier.stop()
        sent.clear()
        assert sweep(0.0) == 2
        assert sorted(sent) == [
            ("exporter.tasks.retry", [failing.delivery.pk], "retry"),
            ("exporter.tasks.wake", [healthy.workspace.pk], "delivery"),
        ]
        assert idle.delivery.cursor == 0
        for line in (healthy, failing):
            line.make_due()
            line.deliver()


def test_a_queue_that_nobody_reads_is_not_filled(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup._Broker, "length", lambda _broker, queue: 1_000 * (queue == "delivery"))
    with a_line() as line:
        line.feed(1)
        notifier.stop()
        sent.clear()
        assert sweep(0.0) == 1
        assert sent == []
        line.deliver()


def test_new_events_do_not_fill_it_either_and_its_length_is_asked_for_once_a_second(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths, now, asked = [1_000], 5.0, list[str]()

    def length(_broker: Any, queue: str) -> int:
        asked.append(queue)
        return lengths[-1]

    monkeypatch.setattr(wakeup._Broker, "length", length)
    monkeypatch.setattr(wakeup.time, "monotonic", lambda: now)  # type: ignore[attr-defined]
    assert all(wakeup.wake_workspaces([number]) for number in range(100))
    assert sent == []
    lengths.append(0)
    now += wakeup.LOOK_SECONDS
    assert all(wakeup.wake_workspaces([number]) for number in range(100))
    assert len(sent) == 100
    assert asked == ["delivery", "delivery"]


def test_what_the_broker_did_not_take_is_told_again(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "REST_SECONDS", 0.01)
    broken = [True]

    def send(_broker: Any, *message: Any) -> None:
        if broken:
            broken.clear()
            raise OSError("the broker is away")
        sent.append(message)

    monkeypatch.setattr(wakeup._Broker, "send", send)
    notifier.appended([4711])
    until(lambda: sent, seconds=10)
    assert sent == [("exporter.tasks.wake", [4711], "delivery")]
