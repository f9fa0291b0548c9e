"""What the door says while something of ours is full, broken or away, and what it counts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection

from exporter.log import event_log
from exporter.models import EventLog, ReceivedCount, ReceivedTotal, UnknownType
from tests.exporter.api.test_events import URL, Sender, sender
from tests.support.factories import event

__all__ = ["sender"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options"])
def test_other_methods_are_405(sender: Sender, method: str) -> None:
    answer = getattr(sender.client, method)(URL)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


def test_what_comes_in_is_counted_by_type_and_minute(sender: Sender) -> None:
    sender.post([event(1), event(2, external_user_id=None), event(3, event_type="users.messages.email.Send")])
    sender.post([event(4, external_user_id="")])
    opened, sent = "users.messages.email.Open", "users.messages.email.Send"
    totals = ReceivedTotal.objects.order_by("event_type").values_list("event_type", "count", "anonymous")
    assert list(totals) == [(opened, 3, 2), (sent, 1, 0)]
    minutes = ReceivedCount.objects.all()
    assert sum(row.count for row in minutes) == 4
    assert all((row.minute.second, row.minute.microsecond) == (0, 0) for row in minutes)
    headers = event_log.headers(sender.workspace_id, 0, 10)
    assert headers[0].type_counts == {opened: [2, 1], sent: [1, 0]}


def test_a_day_brings_so_many_unknown_types_and_the_rest_count_as_other(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.intake.unknown_types.MOST_A_DAY", 2)
    answer = sender.post([event(number, event_type=f"new.{number}") for number in range(4)])
    assert answer.json()["accepted"] == 4
    sender.post([event(7, event_type="new.0"), event(8, event_type="new.9")])
    totals = dict(ReceivedTotal.objects.values_list("event_type", "count"))
    assert totals == {"new.0": 2, "new.1": 1, "other": 3}
    assert UnknownType.objects.count() == 2
    assert [one["event_type"] for one in sender.stored()][2:] == ["new.2", "new.3", "new.0", "new.9"]


def test_a_ceiling_answers_429_and_when_to_come_again(sender: Sender, settings: Any) -> None:
    settings.CURRENTS_INTAKE_RATE = 10.0
    assert sender.post([event(number) for number in range(50)]).status_code == 202
    answer = sender.post(event(51))
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 5
    assert event_log.head(sender.workspace_id) == 50


def test_a_fault_of_ours_is_503_and_its_log_quotes_nothing(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(raw: bytes) -> None:
        raise RuntimeError(f"cannot read {raw!r}")

    monkeypatch.setattr("exporter.intake.refusals.normalise", broken)
    answer = sender.post(event(1, campaign_name="Hidden Words"))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "RuntimeError" in caplog.text
    assert "Hidden Words" not in caplog.text
    assert sender.plain not in caplog.text


def test_what_the_database_refuses_is_503_and_the_next_body_is_stored(sender: Sender) -> None:
    with connection.cursor() as sql:
        sql.execute(
            "ALTER TABLE exporter_eventbatch ADD CONSTRAINT planted CHECK (length(payload) > 1000000)"
        )
    try:
        assert sender.post(event(1)).status_code == 503
    finally:
        with connection.cursor() as sql:
            sql.execute("ALTER TABLE exporter_eventbatch DROP CONSTRAINT planted")
    assert EventLog.objects.get(workspace_id=sender.workspace_id).next_event == 0
    assert sender.post(event(1)).json() == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_without_a_database_the_token_is_not_called_bad(sender: Sender) -> None:
    with connection.cursor() as sql:
        sql.execute("ALTER TABLE connectors_intaketoken RENAME TO hidden")
    try:
        answer = sender.post(event(1))
    finally:
        with connection.cursor() as sql:
            sql.execute("ALTER TABLE hidden RENAME TO connectors_intaketoken")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_a_revoked_token_ends_within_five_seconds(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors.audit.actor import By
    from connectors.workspaces import tokens

    assert sender.post(event(1)).status_code == 202
    tokens.revoke(sender.token, By(None))
    now = time.monotonic()
    monkeypatch.setattr("exporter.api.bearer.time.monotonic", lambda: now + 5)
    assert sender.post(event(2)).status_code == 401
