"""A fault reaches Sentry by class and place, once a minute, and without a text, a value or a person."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import structlog

from currents_admin import log_faults
from currents_admin.env import BadEnvironment
from currents_admin.telemetry.outbox import Outbox
from currents_admin.telemetry.sentry import Project, Reporter
from tests.support.log_lines import formatter
from tests.support.receiver import Receiver, a_receiver
from tests.support.sandbox_calls import until

SECRET = "somebody@example.com"
log = structlog.get_logger(__name__)


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A loopback Sentry, told of every fault of this process."""
    with a_receiver() as receiver:
        dsn = receiver.url.replace("http://", "http://public-key@").replace("/hook", "/sentry/42")
        monkeypatch.setattr(log_faults, "observer", Reporter(Project.read("SENTRY_DSN", dsn)).note)
        yield receiver


def fail(address: str) -> None:
    raise RuntimeError(f"{address} was here")


def told(sentry: Receiver, count: int = 1) -> list[dict[str, Any]]:
    until(lambda: len(sentry.posts) >= count)
    events = []
    for headers, body in sentry.posts:
        assert headers["content-type"] == "application/x-sentry-envelope"
        head, item, content = map(json.loads, body.splitlines())
        assert item == {"type": "event"}
        assert head["event_id"] == content["event_id"]
        events.append(content)
    return events


def test_a_fault_of_ours_is_told_by_class_and_place(sentry: Receiver) -> None:
    for number in range(3):
        try:
            fail(f"{number}-{SECRET}")
        except RuntimeError as error:
            log.error("delivery.turn_failed", connector=7, workspace=3, exc_info=error, excerpt=SECRET)
    (event,) = told(sentry)
    assert event["transaction"] == "delivery.turn_failed"
    assert event["tags"].items() >= {"connector": "7", "workspace": "3"}.items()
    (what,) = event["exception"]["values"]
    assert (what["type"], what["value"]) == ("RuntimeError", "")
    assert what["stacktrace"]["frames"][-1]["function"] == "fail"
    assert set(what["stacktrace"]["frames"][-1]) == {"filename", "function", "lineno"}
    assert SECRET not in str(sentry.posts), "neither a text nor a value"


def test_a_fault_in_a_librarys_sentence_is_told_by_the_librarys_name(sentry: Receiver) -> None:
    try:
        fail(SECRET)
    except RuntimeError:
        record = logging.getLogger("django.request").makeRecord(
            "django.request", logging.ERROR, "", 0, "Internal error: %s", (SECRET,), _exc_info()
        )
    formatter("json").format(record)
    (event,) = told(sentry)
    assert event["transaction"] == "django.request"
    assert SECRET not in str(sentry.posts)


def _exc_info() -> Any:
    import sys

    return sys.exc_info()


def test_a_sentry_that_is_away_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reporter = Reporter(Project.read("SENTRY_DSN", "http://key@127.0.0.1:1/1"))
    monkeypatch.setattr(log_faults, "observer", reporter.note)
    for name in ("one", "two"):
        try:
            exec(f"def {name}(): raise RuntimeError\n{name}()")  # noqa: S102 - faults from two places
        except RuntimeError as error:
            log.error("delivery.turn_failed", exc_info=error)
    until(lambda: any("telemetry.not_taken" in str(record.msg) for record in caplog.records))


@pytest.mark.parametrize(
    "dsn", ["sentry", "https://sentry.example.com/1", "https://key@example.com/x", "ftp://k@e/1"]
)
def test_an_address_that_is_none_is_one_sentence(dsn: str) -> None:
    with pytest.raises(BadEnvironment, match="must look like https://key@sentry"):
        Project.read("SENTRY_DSN", dsn)


@pytest.mark.parametrize(
    "dsn", ["https://key@[x/1", "https://key@host:99999/1", "https://key@höst/1", "https://key@host/²"]
)
def test_an_address_nobody_can_be_reached_at_is_told_at_the_start(dsn: str) -> None:
    with pytest.raises(BadEnvironment):
        Project.read("SENTRY_DSN", dsn)


def test_a_fault_while_posting_costs_what_was_posted_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    posted: list[str] = []

    def post(things: Sequence[str]) -> str:
        if not posted:
            posted.append("fell")
            raise ZeroDivisionError
        posted.extend(things)
        return ""

    outbox = Outbox[str]("somewhere", post, 0.0)
    outbox.put("first")
    until(lambda: posted == ["fell"])
    outbox.put("second")
    until(lambda: posted == ["fell", "second"])
    assert any("telemetry.not_taken" in str(record.msg) for record in caplog.records)


def test_where_a_dsn_leads() -> None:
    project = Project.read("SENTRY_DSN", "https://key@o1.ingest.example.com/2")
    assert project.url.startswith(
        "https://o1.ingest.example.com/api/2/envelope/?sentry_version=7&sentry_key=key"
    )
    assert "key" not in repr(project).replace("sentry_key=key", "")
