"""What the timeline of a trouble promises: its beginning, the tries and the mails since, the newest first."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from exporter.display.incident_timeline import Happening, happenings
from exporter.incidents.mail import mail_due
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.reports.key_history import InUse
from exporter.reports.trouble import TOLD, Told, Trouble, trouble
from tests.support.delivering import a_line
from tests.support.summaries import NOW, a_summary


@pytest.mark.parametrize("health", [health for health in Health if health not in TOLD])
def test_where_nothing_is_wrong_nothing_is_told(health: Health) -> None:
    now = a_summary(health, failing_since=NOW)
    assert trouble(now) is None
    assert happenings(now, None) == []


def test_a_trouble_without_a_beginning_is_not_told() -> None:
    assert trouble(a_summary(Health.RETRYING)) is None


@pytest.mark.parametrize(
    ("health", "answer", "sentence"),
    [
        (Health.KEY_REJECTED, "401", "Segment rejected the key ••••0000."),
        (Health.REQUEST_REFUSED, "404", "Segment rejected our request."),
        (Health.KEY_UNREADABLE, "", "The stored key could not be read."),
        (Health.RETRYING, "503", "the latest one ended with 503."),
        (Health.LOSING_EVENTS, "503", "the latest one ended with 503."),
        (Health.RETRYING, "", "The first attempt failed."),
    ],
)
def test_the_beginning_says_what_went_wrong(health: Health, answer: str, sentence: str) -> None:
    since = NOW - timedelta(hours=1)
    now = a_summary(health, failing_since=since, last_answer=answer)
    key = InUse(1, "0000", since, None)
    (began,) = happenings(now, Trouble(since, key, [], 1, since, []))
    assert sentence in began.sentence
    assert began.at == NOW - timedelta(hours=1)


def test_a_second_rejected_key_is_a_line_of_its_own() -> None:
    since, switched = NOW - timedelta(hours=1), NOW - timedelta(minutes=9)
    rejected = NOW - timedelta(minutes=8)
    keys = InUse(1, "oldk", since, switched), InUse(2, "0000", switched, None)
    now = a_summary(Health.KEY_REJECTED, failing_since=since, key_rejected_at=rejected)
    told = happenings(now, Trouble(since, keys[0], [keys[1]], 1, since, []))
    assert [(one.at, one.sentence) for one in told[:2]] == [
        (rejected, "Segment rejected the key ••••0000, too."),
        (switched, "The key ••••0000 was put in use."),
    ]
    assert "••••oldk" in told[2].sentence


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        (["a@example.com"], "Mail to a@example.com: Delivery stopped."),
        (["a@example.com", "b@example.com"], "Mail to a@example.com and an admin: Delivery stopped."),
        (["a@example.com", "b", "c"], "Mail to a@example.com and 2 admins: Delivery stopped."),
    ],
)
def test_a_mail_names_the_contact_and_counts_the_admins(to: list[str], sentence: str) -> None:
    since = NOW - timedelta(hours=1)
    now = a_summary(Health.RETRYING, failing_since=since, last_answer="503")
    mails = [Told("stopped", NOW, to)]
    newest, _began = happenings(now, Trouble(since, None, [], 1, since, mails))
    assert newest.sentence == sentence


@pytest.mark.django_db(transaction=True)
def test_tries_and_mails_are_told_the_newest_first() -> None:
    with a_line() as line:
        line.feed(3)
        line.sandbox.fail(status=401)
        for _ in range(4):
            line.deliver()
            line.make_due()
        mail_due()
        now = summary.summary(line.connector)
        told: list[Happening] = happenings(now, trouble(now))
    assert [one.icon for one in told] == ["mail", "retry", "key-struck"]
    assert told[0].sentence == f"Mail to {line.connector.contact_email}: Delivery stopped."
    assert re.fullmatch("[0-9]+ attempts since; the latest ended with 401.", told[1].sentence)
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)


def test_while_events_are_lost_the_beginning_still_says_what_stopped_delivery() -> None:
    since = NOW - timedelta(hours=50)
    now = a_summary(Health.LOSING_EVENTS, stopped="key_rejected", failing_since=since, last_answer="401")
    (began,) = happenings(now, Trouble(since, None, [], 1, since, []))
    assert began.sentence.startswith("Segment rejected the key ••••0000.")
    assert began.icon == "key-struck"
