"""Without a broker a worker looks for work itself: for its own queues, one process at a time, and only meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from django.utils import timezone
from redis import Redis

from exporter import tasks  # noqa: F401 - a worker has them
from exporter.delivery.lanes import process
from exporter.dispatch import at_home, wakeup
from exporter.dispatch.sweep import SWEEP_TASK, sweep
from exporter.models import Delivery, Heartbeat
from tests.house.running import until
from tests.support.delivering import Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


class _Lanes:
    """What the tasks of this process note."""

    def __init__(self) -> None:
        self.woken: list[int] = []
        self.turns: list[int] = []
        self.bulk = self.retries = SimpleNamespace(add=self.turns.append)

    def wake(self, workspaces: list[int]) -> None:
        self.woken += workspaces


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> _Lanes:
    made = _Lanes()
    monkeypatch.setattr(process, "current", lambda: made)
    return made


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """A port that refuses whoever knocks, until it listens."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener


def look_for(queue: str) -> None:
    at_home.look_for(queue, partial(sweep, at_home.SWEPT_SECONDS, queue))


def forget_sweeps() -> None:
    Heartbeat.objects.filter(part__startswith="sweep").delete()


def test_each_process_is_handed_what_is_due_for_its_own_queues(lanes: _Lanes) -> None:
    with a_line() as healthy:
        failing = Line(healthy.sandbox)
        for line in (healthy, failing):
            line.feed(1)
        past = timezone.now() - timedelta(seconds=1)
        Delivery.objects.filter(pk=failing.delivery.pk).update(
            failing_since=past, next_attempt_at=past, failures=1
        )
        look_for("delivery")
        assert (lanes.woken, lanes.turns) == ([healthy.workspace.pk], [])
        look_for("retry")
        assert (lanes.woken, lanes.turns) == ([healthy.workspace.pk], [failing.delivery.pk])


def test_of_several_processes_one_sweeps_at_a_time_and_that_counts_as_the_sweep(lanes: _Lanes) -> None:
    with a_line() as line:
        line.feed(1)
        look_for("delivery")
        look_for("delivery")
        assert len(lanes.woken) == 1
        assert sweep(1.5) == 0, "what expires waits for somebody who sweeps"
        forget_sweeps()
        look_for("delivery")
        assert len(lanes.woken) == 2


def test_the_chores_keep_their_times_and_one_that_fails_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[str] = []

    def task(name: str) -> Callable[..., None]:
        def run(*ids: int) -> None:
            ran.append(" ".join([name, *map(str, ids)]))
            if name == "broken":
                raise RuntimeError
            if name == "go_on":
                wakeup.wake_chore("replay", 7)
                wakeup.wake_workspaces([5])
            if name == "replay":
                wakeup.wake_chore("replay", 7)

        return run

    entries = {name: {"task": name, "schedule": 3_600.0} for name in ("broken", "mail", SWEEP_TASK)}
    entries["go_on"] = {"task": "go_on", "schedule": 0.0}
    celery = SimpleNamespace(
        conf=SimpleNamespace(beat_schedule=entries), tasks={name: task(name) for name in [*entries, "replay"]}
    )
    monkeypatch.setattr(at_home, "current_app", celery)
    schedule = at_home.Schedule()
    at_home.look_for("chores", schedule.run_due)
    at_home.look_for("chores", schedule.run_due)
    assert ran == ["broken", "mail", "go_on", "replay 7", "go_on", "replay 7"]


def test_a_worker_looks_for_work_only_while_the_broker_does_not_answer(
    nobody: socket.socket, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_home, "EVERY_SECONDS", 0.01)
    there, stop = settings.REDIS_URL, threading.Event()
    looked = threading.Semaphore(0)

    def keep(url: str) -> threading.Thread:
        settings.REDIS_URL = url
        work = threading.Thread(target=at_home._keep, args=("test", looked.release, stop), daemon=True)
        work.start()
        return work

    away = keep(f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
    try:
        for _time in range(3):
            assert looked.acquire(timeout=20)
        stop.set()
        away.join(20)
        stop.clear()
        while looked.acquire(blocking=False):
            pass
        asked = ping_count(there)
        here = keep(there)
        until(lambda: ping_count(there) > asked + 3, seconds=20)
    finally:
        stop.set()
    here.join(20)
    assert not looked.acquire(blocking=False)


def ping_count(url: str) -> int:
    with Redis.from_url(url) as client:
        return int(client.info("commandstats").get("cmdstat_ping", {}).get("calls", 0))
