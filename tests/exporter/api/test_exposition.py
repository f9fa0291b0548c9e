"""What the metrics promise: the ledger's numbers as Prometheus reads them, nothing personal, for those who may."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client, override_settings

from connectors.audit.actor import SYSTEM
from connectors.models import Workspace
from connectors.setup import lifecycle
from exporter import sql
from exporter.actions import retries
from exporter.api import exposition, readiness
from exporter.delivery.deliver import deliver
from exporter.dispatch import heartbeats, queues
from exporter.models import AttemptTotal, Delivery
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.version import VERSION
from tests.support.delivering import Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)
# In the test alone; the product's grammar is Prometheus's own.
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+)$')
SECRET = "metrics-" + "m" * 20


def samples(told: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample; a line that is none fails."""
    found = {}
    for line in told.splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.match(line)
        assert match, line
        labels = frozenset(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
        key = (match[1], labels)
        assert key not in found, "every sample once"
        found[key] = float(match[3])
    return found


def text() -> str:
    return exposition.exposition().decode()


def of(line: Line, name: str, **labels: str) -> float:
    own = {"workspace": line.workspace.slug, "connector": str(line.connector.pk)} | labels
    return samples(text())[name, frozenset(own.items())]


def test_the_numbers_are_those_of_the_page() -> None:
    with a_line() as line:
        line.feed(40)
        line.feed(4, external_user_id=None)
        line.sandbox.fail(status=503, count=1)
        line.deliver()
        line.make_due()
        line.deliver()
        line.feed(3)
        shown = summary.summary(line.connector)
        assert of(line, "currents_events_received_total") == shown.received == 47
        assert of(line, "currents_events_pending") == shown.pending == 3
        for outcome, count in shown.outcomes.items():
            assert of(line, "currents_events_total", outcome=outcome) == count
        for health in Health:
            told = of(line, "currents_connector_health", health=health.value)
            assert told == (health == shown.health)
        assert of(line, "currents_attempts_total", answer="wait") == 1
        assert of(line, "currents_attempts_total", answer="accepted") == 1
        (took,) = AttemptTotal.objects.filter(answer="200").values_list("milliseconds", flat=True)
        assert of(line, "currents_attempt_seconds_total", answer="accepted") == took / 1000
        assert of(line, "currents_lag_seconds") > 0


def test_every_metric_is_introduced_once() -> None:
    with a_line() as line:
        line.feed(1)
        told = text()
        line.deliver()
    introduced = re.findall(r"^# TYPE ([a-z_]+) (counter|gauge)$", told, re.MULTILINE)
    assert len(introduced) == len({name for name, _kind in introduced})
    assert {name for name, _labels in samples(told)} <= {name for name, _kind in introduced}
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in introduced)


def test_nothing_personal_and_no_name_is_told() -> None:
    with a_line() as line:
        line.connector.name, line.connector.contact_email = "A telling name", "someone@example.com"
        line.connector.save()
        line.feed(3)
        line.deliver()
        told = text()
    for word in ("telling", "someone", "event-1", "customer-", "email.Open", line.workspace.name):
        assert word not in told


def test_queue_lengths_are_told_and_missing_while_redis_is() -> None:
    assert "currents_queue_length" in text()
    with override_settings(REDIS_URL="redis://127.0.0.1:9/0"):
        readiness.answer.forget()
        told = text()
    assert "currents_queue_length" not in told
    assert "currents_sign_age_seconds" in told


def test_a_scrape_asks_broker_and_heartbeats_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that hangs would otherwise be waited for twice."""
    look, ages = Mock(wraps=queues.look), Mock(wraps=heartbeats.ages)
    monkeypatch.setattr(queues, "look", look)
    monkeypatch.setattr(heartbeats, "ages", ages)
    heartbeats.beat(["beat"])
    told = text()
    assert (look.call_count, ages.call_count) == (1, 1)
    assert 'currents_sign_age_seconds{part="beat"}' in told
    assert 'currents_queue_length{queue="delivery"}' in told


def get(address: str, **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).get("/metrics", headers=headers)


def test_this_machine_may_read_them_and_nobody_else() -> None:
    for address in ("127.0.0.1", "::1"):
        answer = get(address)
        assert answer.status_code == 200
        assert answer["Content-Type"] == exposition.CONTENT_TYPE
    assert get("203.0.113.7").status_code == 401
    assert get("127.0.0.1", X_Forwarded_For="203.0.113.7").status_code == 401
    assert get("", Authorization="Bearer ").status_code == 401


def test_the_token_opens_them_from_anywhere() -> None:
    with override_settings(METRICS_TOKEN=SECRET):
        assert get("203.0.113.7", Authorization=f"Bearer {SECRET}").status_code == 200
        assert get("203.0.113.7", Authorization="Bearer another").status_code == 401
        assert get("203.0.113.7").status_code == 401
    with override_settings(METRICS_TOKEN=""):
        assert get("203.0.113.7", Authorization="Bearer ").status_code == 401


def test_a_label_cannot_break_out_of_its_quotation_marks() -> None:
    with a_line() as line:
        Workspace.objects.filter(pk=line.workspace.pk).update(slug='a"b\\c\n')
        assert r'workspace="a\"b\\c\n"}' in text()


def test_a_retry_lowers_no_counter() -> None:
    with a_line() as line:
        line.sandbox.fail(status=400, match={"message_id_prefix": "bad-"})
        line.feed(5)
        line.feed_events([event(1, id="bad-1")])
        line.deliver()
        before = of(line, "currents_events_total", outcome="rejected")
        assert before == 1
        line.sandbox.heal()
        deliver(retries.retry_all(line.connector, SYSTEM).pk)
        assert of(line, "currents_events_total", outcome="rejected") == before
        assert of(line, "currents_events_retried_total") == 1
        assert of(line, "currents_events_total", outcome="delivered") == 6


def test_the_time_until_the_first_loss_is_told_of_a_connector_in_trouble() -> None:
    with a_line() as line:
        line.sandbox.fail(status=503)
        line.feed(1)
        line.deliver()
        assert 47 * 3600 < of(line, "currents_first_loss_seconds") <= 48 * 3600


def test_the_installation_is_told_in_numbers_an_alert_can_use() -> None:
    told = samples(text())
    names = {name for name, _labels in told}
    assert {"currents_log_bytes", "currents_notices_unsent", "currents_clock_skew_seconds"} <= names
    assert ("currents_build_info", frozenset({("version", VERSION)})) in told


def test_the_worst_of_many_connectors_is_told_beside_the_usual_one() -> None:
    with a_line() as line:
        others = [Line(line.sandbox) for _ in range(3)]
        others[0].feed(1)
        told = samples(text())
        lags = {
            quantile: told["currents_lag_quantile_seconds", frozenset({("quantile", quantile)})]
            for quantile in ("0.5", "0.9", "0.99", "1")
        }
        assert lags["0.5"] == 0
        assert lags["1"] == lags["0.99"] > 0
        others[0].deliver()


def test_connectors_that_hold_back_on_purpose_are_counted_by_reason() -> None:
    with a_line() as line:
        paused = Line(line.sandbox)
        paused.feed(1)
        lifecycle.pause(paused.connector, by=SYSTEM)
        line.feed(1)
        line.sandbox.fail(status=503)
        line.deliver()
        told = samples(text())
        held = {
            reason: told["currents_connectors_holding_back", frozenset({("reason", reason)})]
            for reason in ("paused", "stopped", "retrying")
        }
        assert held == {"paused": 1, "stopped": 0, "retrying": 1}


def test_a_paused_connector_is_held_by_its_pause_whatever_else_is_wrong() -> None:
    with a_line() as line:
        line.feed(1)
        line.sandbox.fail(status=401)
        line.deliver()
        Delivery.objects.update(expired_at=sql.clock())

        def told() -> tuple[float, ...]:
            found = samples(text())
            held = "currents_connectors_holding_back"
            reasons = (found[held, frozenset({("reason", reason)})] for reason in exposition.HELD_BACK)
            return (*reasons, found["currents_lag_quantile_seconds", frozenset({("quantile", "1")})])

        assert told()[:3] == (0, 1, 0), "it loses events because it is stopped"
        assert told()[3] > 0
        lifecycle.pause(line.connector, by=SYSTEM)
        assert told() == (1, 0, 0, 0)
