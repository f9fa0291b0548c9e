"""Requests by status and duration, and what holds up the intake, as Prometheus reads them."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest
from django.test import Client, override_settings

from connectors.models import Connector
from exporter.api import exposition
from exporter.dispatch import durations, heartbeats, wakeup
from exporter.intake import appender
from exporter.intake.appender import Appender
from exporter.intake.store import Receipt, Store, Submission
from tests.house.running import until
from tests.support.appended import incoming
from tests.support.delivering import a_line

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("empty_queues")]


def told(**wanted: bool) -> dict[str, float]:
    lines = exposition.exposition(**wanted).decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_requests_are_a_histogram_by_status() -> None:
    counted = durations.Durations()
    for ms in (3, 4, 40, 30_000):
        counted.note("intake.request", {"status": 202, "ms": ms})
    counted.note("delivery.attempt_failed", {"status": 503, "ms": 100})
    counted.store()
    found = told()
    bucket = 'currents_intake_request_seconds_bucket{le="%s",status="202"}'
    assert [found[bucket % le] for le in ("0.002", "0.005", "0.05", "20", "+Inf")] == [0, 2, 3, 3, 4]
    assert found['currents_intake_request_seconds_count{status="202"}'] == 4
    assert found['currents_intake_request_seconds_sum{status="202"}'] == pytest.approx(30.047)
    assert found['currents_attempt_request_seconds_count{status="503"}'] == 1


def test_a_body_that_waits_to_be_stored_is_seen(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    stored: Future[list[Receipt]] = Future()

    def slow(_store: Store, _group: object) -> list[Receipt]:
        begun.set()
        go_on.wait(20)
        return stored.result(20)

    monkeypatch.setattr(Store, "store", slow)
    own = Appender()
    monkeypatch.setattr(appender, "_current", own)
    body = Submission(connector.workspace_id, incoming(range(1)))
    body.made_at -= 30.0
    asked = threading.Thread(target=own.submit, args=(body,))
    try:
        asked.start()
        assert begun.wait(20)
        assert told()["currents_intake_oldest_waiting_seconds"] >= 30
    finally:
        stored.set_result([Receipt(0, 0)])
        go_on.set()
        asked.join()
        own.stop()
    assert told()["currents_intake_oldest_waiting_seconds"] == 0


def test_what_readyz_misses_is_a_metric() -> None:
    heartbeats.beat(["worker:delivery", "worker:chores", "beat"])
    found = {name for name in told() if name.startswith("currents_missing")}
    assert found == {'currents_missing{what="worker (retry)"}'}


def test_a_message_nobody_takes_grows_old() -> None:
    name = 'currents_queue_oldest_seconds{queue="chores"}'
    assert told()[name] == 0
    wakeup.wake_chore("exporter.tasks.nothing", 1)
    until(lambda: told()[name] > 0, seconds=10)
    before = told()[name]
    until(lambda: told()[name] > before, seconds=10)


def test_without_single_connectors_their_number_by_state_is_left() -> None:
    with override_settings(METRICS_TOKEN="t" * 20), a_line() as line:
        line.feed(1)
        assert any('connector="' in name for name in told())
        answer = Client().get("/metrics?connectors=0", headers={"Authorization": "Bearer " + "t" * 20})
        text = answer.content.decode()
        assert 'connector="' not in text
        assert 'currents_connectors{health="delivering"} 1.0' in text
        assert "\ncurrents_first_loss_soonest_seconds 1" in text
