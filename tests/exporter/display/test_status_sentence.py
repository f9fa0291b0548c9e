"""What the status says in words: since when, how many, what next; one sentence per health and answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.models import Connector, ConnectorState, Workspace
from exporter.display.status_sentence import Sentence, sentence
from exporter.ledger.outcomes import Outcome
from exporter.reports.health import Health
from tests.support.summaries import NOW, a_summary

MONDAY = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
PAUSED = Connector(workspace=Workspace(), name="Segment", state=ConnectorState.PAUSED, paused_at=MONDAY)


def said(health: Health, **known: Any) -> Sentence:
    return sentence(a_summary(health, **known), NOW)


def test_losing_events_tells_since_when_how_many_and_how_long_the_log_keeps_them() -> None:
    told = said(Health.LOSING_EVENTS, losing_since=MONDAY, lost=2_118, last_answer="503")
    assert told.headline == "Losing events since Monday, 09:12: 2,118 events so far."
    assert "within 48 hours" in told.meaning
    assert "until Saturday, 09:12." in told.meaning
    assert "Last answer: 503." in told.meaning


def test_what_has_left_the_log_is_not_promised() -> None:
    told = said(Health.LOSING_EVENTS, losing_since=NOW - timedelta(days=6), lost=1)
    assert "until" not in told.meaning
    assert "The first of them have already left the log, which keeps events for 168 hours." in told.meaning


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({"stopped": "key_rejected", "failing_since": MONDAY}, "rotate"),
        ({"failing_since": MONDAY}, "try_now"),
        ({}, ""),
        ({"stopped": "key_rejected", "connector": PAUSED}, "resume"),
    ],
)
def test_while_events_are_lost_the_step_is_what_helps(known: dict[str, Any], step: str) -> None:
    assert said(Health.LOSING_EVENTS, lost=1, losing_since=MONDAY, **known).step == step


def test_a_loss_that_is_over_is_told_as_over() -> None:
    told = said(
        Health.LOSING_EVENTS, lost=2_118, losing_since=MONDAY, accepting_since=NOW - timedelta(minutes=3)
    )
    assert told.headline == (
        "2,118 events have been lost. Segment has been accepting events again since 11:57."
    )
    assert told.meaning.endswith("This status stays for 10 min after the last loss.")
    assert told.step == ""


@pytest.mark.parametrize(
    "health", [Health.KEY_REJECTED, Health.REQUEST_REFUSED, Health.KEY_UNREADABLE, Health.LOG_DAMAGED]
)
@pytest.mark.parametrize("known", [{}, {"key_rejected_at": MONDAY}])
def test_a_trouble_that_a_pause_has_joined_promises_no_try(health: Health, known: dict[str, Any]) -> None:
    told = said(health, connector=PAUSED, last_answer="401", pending=3, **known)
    assert "The connector is paused, too: nothing is tried before it is resumed." in told.meaning
    assert "5 minutes" not in told.meaning
    assert told.step != "try_now"


def test_where_nothing_moves_what_was_lost_before_is_not_denied() -> None:
    outcomes = {outcome.value: 0 for outcome in Outcome} | {"expired": 7}
    told = said(Health.RETRYING, outcomes=outcomes, pending=1)
    assert told.meaning == "7 events have been lost so far. If this goes on, a worker may not be running."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("", ""), ("internal fault (KeyError)", "because of a fault of ours: internal fault (KeyError).")],
)
def test_what_segment_was_not_asked_is_not_laid_at_its_door(answer: str, reason: str) -> None:
    hour = NOW - timedelta(hours=1)
    told = said(Health.RETRYING, failing_since=hour, accepted_at=hour, last_answer=answer, pending=1)
    assert told.headline == "Nothing has gone through since 11:00."
    assert reason in told.meaning
    assert "Last answer" not in told.meaning


def test_a_time_that_is_over_is_no_promise() -> None:
    told = said(Health.PAUSED, pending=2, first_loss_at=NOW - timedelta(minutes=1), connector=PAUSED)
    assert told.meaning == "2 events are waiting."


def test_what_was_accepted_is_told_of_what_came_in_the_last_day() -> None:
    told = said(Health.DELIVERING, delivered_24h=1_204)
    assert "Segment has accepted 1,204 events of those received in the last 24 hours." in told.meaning


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("429", "Segment asks us to slow down. Nothing has gone through since 11:00."),
        ("503", "Segment answers 503. Nothing has gone through since 11:00."),
        ("connection refused", "Segment does not answer. Nothing has gone through since 11:00."),
    ],
)
def test_retrying_tells_what_segment_answers(answer: str, words: str) -> None:
    told = said(
        Health.RETRYING,
        failing_since=NOW - timedelta(hours=1),
        accepted_at=NOW - timedelta(hours=1),
        next_attempt_at=NOW + timedelta(seconds=20),
        last_answer=answer,
        pending=310,
    )
    assert told.headline == words
    assert told.meaning.startswith("310 events are waiting. Nothing has been lost so far.")
    assert told.meaning.endswith("Trying again at 12:00:20.")
    assert ("connection refused" in told.meaning) == (answer == "connection refused")
    assert told.step == "try_now"


def test_a_rejected_key_tells_what_waits_and_when_the_first_are_lost() -> None:
    told = said(
        Health.KEY_REJECTED,
        failing_since=NOW - timedelta(hours=5),
        key_rejected_at=NOW - timedelta(hours=3),
        key_rejected_again_at=NOW - timedelta(minutes=4),
        key_fingerprint="a1b2c3",
        pending=12_440,
        first_loss_at=NOW + timedelta(hours=45),
    )
    assert told.headline == (
        "Segment rejected the write key ••••0000 3 h ago. 12,440 events are waiting; "
        "the first will be lost on Friday, 09:00."
    )
    assert "Last rejected: 11:56 (fingerprint a1b2c3)." in told.meaning
    assert told.step == "rotate"


def test_a_loss_that_is_due_today_is_told_by_the_clock_alone() -> None:
    told = said(Health.KEY_UNREADABLE, pending=3, first_loss_at=NOW + timedelta(hours=2))
    assert "3 events are waiting; the first will be lost at 14:00." in told.meaning


def test_a_key_that_was_rejected_once_has_no_last_time() -> None:
    once = {"key_rejected_at": NOW, "key_rejected_again_at": NOW}
    assert "Last rejected" not in said(Health.KEY_REJECTED, **once).meaning
    assert "Fingerprint of this key: a1b2c3." in (
        said(Health.KEY_REJECTED, **once, key_fingerprint="a1b2c3").meaning
    )


def test_what_was_on_another_day_is_told_with_that_day() -> None:
    rejected = said(Health.KEY_REJECTED, failing_since=MONDAY, key_rejected_at=MONDAY, pending=2)
    assert rejected.headline == (
        "Segment rejected the write key ••••0000 on Monday, 09:12. 2 events are waiting."
    )
    paused = Connector(workspace=Workspace(), paused_at=MONDAY)
    assert said(Health.PAUSED, connector=paused).headline == "Paused (Monday, 09:12)."


def test_what_an_earlier_key_did_is_not_said_of_the_key_in_use() -> None:
    told = said(Health.KEY_REJECTED, failing_since=NOW - timedelta(hours=3), pending=2)
    assert told.headline == (
        "Segment rejected the earlier write key; ••••0000 has not been tried yet. 2 events are waiting."
    )
    assert told.step == "try_now"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 event has been rejected by Segment or not sent, because of its content."),
        (1_007, "1,007 events have been rejected by Segment or not sent, because of their content."),
    ],
)
def test_what_never_left_is_not_called_rejected_by_segment_alone(count: int, words: str) -> None:
    outcomes = {outcome.value: 0 for outcome in Outcome} | {"rejected": count}
    assert said(Health.DELIVERING, outcomes=outcomes).meaning.endswith(f"Since launch, {words}")


@pytest.mark.parametrize("health", list(Health))
def test_every_health_has_a_sentence_that_ends(health: Health) -> None:
    told = said(health)
    assert told.headline.endswith(".")
    assert told.meaning.endswith(".")
