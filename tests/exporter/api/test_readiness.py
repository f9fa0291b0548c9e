"""Ready means that every part answers; what does not is named."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from exporter.api import readiness
from exporter.dispatch import queues, wakeup
from exporter.dispatch.heartbeats import beat, claim
from exporter.intake import appender
from exporter.tasks import sweep
from tests.support.log_lines import lines_of
from tests.support.sandbox_calls import until

ALL_QUEUES = ["worker:delivery", "worker:retry", "worker:chores"]
WORKERS = ["worker (delivery)", "worker (retry)", "worker (chores)"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_queues")]


def test_alive_is_told_without_asking_anybody(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


def test_ready_once_database_broker_worker_and_beat_answer(client: Client) -> None:
    assert client.get("/readyz").json() == {"ready": False, "missing": [*WORKERS, "beat"]}
    beat(ALL_QUEUES)
    sweep()
    assert client.get("/readyz").status_code == 503, "an answer is kept for a moment"
    readiness.answer.forget()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": []})


def test_a_change_is_one_line_however_often_it_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    kept = readiness.KeptAnswer()

    def ask() -> None:
        for _ in range(3):
            kept.forget()
            kept.missing()

    beat(["worker:delivery", "worker:chores"])
    sweep()
    ask()
    beat(ALL_QUEUES)
    ask()
    assert [line["missing"] for line in lines_of(caplog, "readiness.changed")] == [
        "worker (retry)",
        "nothing",
    ]


def test_parts_that_fell_silent_are_named(client: Client, settings: LazySettings) -> None:
    beat(ALL_QUEUES)
    sweep()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_heartbeat SET at = at - interval '16 seconds' WHERE part = 'beat'")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["broker", "beat"])


def found(*missing: str) -> readiness.Found:
    return readiness.Found([*missing], {}, [])


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[readiness.KeptAnswer]:
    """An answer nobody has asked for yet, whose looks are made by a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        monkeypatch.setattr(readiness, "_beside", beside)
        monkeypatch.setattr(readiness, "KEPT_READY", 0.0)
        yield readiness.KeptAnswer()


def test_what_hangs_holds_no_probe_up(
    monkeypatch: pytest.MonkeyPatch, kept: readiness.KeptAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    """For a moment the last answer is told; then the database counts as missing, and the log says so."""
    hangs = threading.Event()
    monkeypatch.setattr(readiness, "look", found)
    assert kept.missing() == []
    monkeypatch.setattr(readiness, "look", lambda: found("beat") if hangs.wait(60) else found())
    assert kept.missing() == []
    monkeypatch.setattr(readiness, "STALE_SECONDS", 0.0)
    began = time.monotonic()
    assert [kept.missing(), kept.missing()] == [["database"], ["database"]]
    assert time.monotonic() - began < 5, "the look itself takes a minute"
    hangs.set()
    until(lambda: kept.missing() == ["beat"])
    assert [line["missing"] for line in lines_of(caplog, "readiness.changed")] == ["database", "beat"]


def test_a_look_that_is_merely_slow_is_no_missing_database(
    monkeypatch: pytest.MonkeyPatch, kept: readiness.KeptAnswer
) -> None:
    """Nobody has asked for an hour, and then something takes half a second: that says nothing of the database."""
    slow = threading.Event()
    monkeypatch.setattr(readiness, "look", found)
    assert kept.missing() == []
    hour_later = SimpleNamespace(monotonic=lambda: time.monotonic() + 3_600)
    monkeypatch.setattr(readiness, "time", hour_later)
    monkeypatch.setattr(readiness, "look", lambda: found("broker") if slow.wait(60) else found())
    assert kept.missing() == []
    slow.set()
    until(lambda: kept.missing() == ["broker"])


def test_the_first_look_is_waited_for(monkeypatch: pytest.MonkeyPatch, kept: readiness.KeptAnswer) -> None:
    """There is no earlier answer to tell, and neither `ready` nor `database` would be true of a slow broker."""
    slow = threading.Event()
    monkeypatch.setattr(readiness, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(readiness, "look", lambda: found("broker") if slow.wait(60) else found())
    threading.Timer(0.3, slow.set).start()
    assert kept.missing() == ["broker"]


def test_who_can_wait_is_told_nothing_of_an_earlier_look(
    monkeypatch: pytest.MonkeyPatch, kept: readiness.KeptAnswer
) -> None:
    """The age of a heartbeat that was read a minute ago would say that a part lives which has stopped since."""
    slow = threading.Event()
    monkeypatch.setattr(readiness, "look", found)
    assert kept.fresh() == found()
    monkeypatch.setattr(readiness, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(readiness, "look", lambda: found("beat") if slow.wait(60) else found())
    assert kept.missing() == []
    threading.Timer(0.3, slow.set).start()
    assert kept.fresh() == found("beat")


def test_a_queue_that_no_worker_serves_is_named(client: Client) -> None:
    beat(["worker:retry", "worker:chores"])
    sweep()
    assert client.get("/readyz").json()["missing"] == ["worker (delivery)"]


def test_a_queue_whose_worker_lives_and_takes_nothing_is_named(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(ALL_QUEUES)
    sweep()
    wakeup.wake_workspaces([7])
    assert readiness.look().missing == []
    monkeypatch.setattr(readiness, "_MESSAGE_WAITS_SECONDS", 0.0)
    until(lambda: readiness.look().missing == ["worker (delivery)"])


def test_chores_that_wait_for_a_busy_worker_are_not_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reads of many sources keep every thread busy for longer than any message of theirs should wait."""
    beat(ALL_QUEUES)
    sweep()
    wakeup.wake_chore("exporter.tasks.check_source", 7)
    monkeypatch.setattr(readiness, "_MESSAGE_WAITS_SECONDS", 0.0)
    until(lambda: next(queue for queue in queues.look() if queue.name == "chores").oldest_seconds > 0)
    assert readiness.look().missing == []


def test_a_body_that_is_not_stored_for_seconds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    beat(ALL_QUEUES)
    sweep()
    monkeypatch.setattr(appender, "oldest_seconds", lambda: 4.1)
    assert readiness.look().missing == ["intake"]


def test_a_host_that_went_hides_no_other(client: Client) -> None:
    beat(ALL_QUEUES)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_heartbeat SET host = 'gone', at = at - interval '1 hour'")
    beat(ALL_QUEUES)
    sweep()
    assert client.get("/readyz").status_code == 200


def test_a_database_that_has_no_room_to_write_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_DISK_FULL", "53400")
    with connection.cursor() as cursor:
        cursor.execute("SET temp_file_limit = '100kB'")
    try:
        assert readiness.look().missing[0] == "disk"
    finally:
        connection.close()


def test_of_two_sweeps_at_once_one_does_the_work() -> None:
    assert claim("sweep", 1.5)
    assert not claim("sweep", 1.5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_heartbeat SET at = at + interval '1 hour'")
    assert claim("sweep", 1.5), "the database's clock went back"
