"""Around trouble a page tells each moment once and alike, and names the key of its own time."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from connectors.models import Connector
from connectors.setup import lifecycle
from connectors.web.time_words import by_the_clock
from exporter.display import incident_timeline, status_page, type_table
from exporter.display.status_sentence import sentence
from exporter.models import Delivery, RejectedEvent
from exporter.reports import balance, summary
from exporter.reports.trouble import trouble
from tests.support.damaging import cut_payload, mend
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)
FIRST, SECOND = "a-key-for-the-sandbox", "another-key-that-is-wrong"


def told(line: Line) -> list[str]:
    now = summary.summary(line.connector)
    return [one.sentence for one in incident_timeline.happenings(now, trouble(now))]


def shown(line: Line, choice: balance.Choice = balance.USUAL) -> dict[str, Any]:
    return status_page.gather(line.connector, choice, type_table.RECEIVED, all_types=True)


def test_lines_keep_the_key_of_their_time_and_a_switch_is_a_line() -> None:
    with a_line() as line:
        line.feed(2)
        line.deliver()
        line.feed(3)
        line.sandbox.fail(status=401)
        line.deliver()
        lifecycle.rotate(line.connector, write_key=SECOND, region="us", by=NOBODY)
        line.make_due()
        line.deliver()
        lines = told(line)
        assert f"The key ••••{SECOND[-4:]} was put in use." in lines
        began = lines[-1]
        assert f"Segment rejected the key ••••{FIRST[-4:]}." in began
        assert SECOND[-4:] not in began


def test_since_when_nothing_was_accepted_is_one_moment() -> None:
    with a_line() as line:
        line.feed(2)
        line.deliver()
        line.feed(3)
        line.sandbox.fail(status=503)
        line.deliver()
        Delivery.objects.update(accepted_at=summary.summary(line.connector).now - timedelta(hours=3))
        now = summary.summary(line.connector)
        assert now.none_accepted_since == now.accepted_at
        assert now.accepted_at is not None
        since = by_the_clock(now.accepted_at, now.now)
        assert f"Nothing has gone through since {since}." in sentence(now, now.now).headline


def test_the_next_try_is_a_moment_and_no_countdown_that_stands_still() -> None:
    with a_line() as line:
        line.feed(3)
        line.sandbox.fail(status=503)
        line.deliver()
        Delivery.objects.update(next_attempt_at=summary.summary(line.connector).now + timedelta(seconds=90))
        now = summary.summary(line.connector)
        assert re.search(r"Trying again at \d\d:\d\d:\d\d\.", sentence(now, now.now).meaning)


def test_what_never_left_is_not_counted_as_rejected_by_segment() -> None:
    with a_line() as line:
        line.feed(5)
        line.feed_events([event(100 + n, campaign_name="x" * 33_000) for n in range(3)])
        line.feed_events([event(150 + n, user_id=None, external_user_id=[1]) for n in range(2)])
        line.feed_events([event(200, id="bad-1")])
        line.sandbox.fail(status=400, body="no", match={"message_id_prefix": "bad-"})
        line.deliver()
        assert line.outcomes() == {"delivered": 5, "rejected": 6}
        for choice in balance.CHOICES:
            context = shown(line, choice)
            ledger, stream = context["ledger"], context["stream"]
            assert isinstance(ledger, balance.Balance)
            assert ledger.rejected == (1, 3, 2), choice.name
            finest = timedelta(minutes=1) if choice.name == "1h" else timedelta(hours=1)
            assert not any(begin.timestamp() % finest.total_seconds() for begin in ledger.not_sent_by_unit)
            (row,) = context["table"].shown
            assert row.rejected == ledger.rejected
            assert (stream.selected, stream.sent, stream.accepted) == (11, 6, 5)
            drawn = {name for name, _path in context["events_figure"].shapes}
            assert drawn == {"delivered", "rejected", "not_sent"}, "three causes are three tones"


def test_where_rows_have_gone_with_the_log_no_share_is_invented() -> None:
    with a_line() as line:
        line.feed_events([event(100 + n, campaign_name="x" * 33_000) for n in range(3)])
        line.deliver()
        gone = RejectedEvent.objects.all()[:1].get()
        RejectedEvent.objects.filter(pk=gone.pk).delete()
        ledger = shown(line, balance.ALL)["ledger"]
        assert isinstance(ledger, balance.Balance)
        assert (ledger.told_apart, ledger.rejected) == (False, (3, 0, 0))
        drawn = shown(line, balance.ALL)["events_figure"].shapes
        assert [name for name, _path in drawn] == ["rejected"], "the chart says what the numbers say"
        assert "Rejected, or could not be sent" in shown(line, balance.ALL)["events_figure"].columns
        gone.save(force_insert=True)


def test_an_event_that_could_not_be_read_is_not_said_to_be_one_that_segment_drops() -> None:
    with a_line() as line:
        line.feed(2)
        Delivery.objects.update(stop=1)
        line.deliver()
        Delivery.objects.update(stop=None)
        damaged = cut_payload(0)
        line.deliver()
        call_command("skip_damaged", connector=line.connector.pk, stdout=StringIO())
        ledger = shown(line, balance.ALL)["ledger"]
        assert isinstance(ledger, balance.Balance)
        assert (ledger.told_apart, ledger.rejected) == (False, (1, 0, 0))
        mend(damaged)


def test_no_sentence_covers_more_than_there_was() -> None:
    with a_line() as line:
        line.feed(2)
        line.deliver()
        assert "No trouble since the launch" in shown(line)["strip"].sentence
        Connector.objects.update(created_at=line.connector.created_at - timedelta(days=30))
        line.connector.refresh_from_db()
        assert shown(line)["strip"].sentence == "No trouble in the last 7 days."


def test_trouble_that_is_over_is_told_as_over_and_not_in_red() -> None:
    with a_line() as line:
        line.feed(2)
        line.sandbox.fail(status=401)
        line.deliver()
        before = shown(line)["strip"]
        failing = summary.summary(line.connector).failing_since
        assert failing is not None
        assert before.sentence == "Trouble since " + before.sentence.removeprefix("Trouble since ")
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        after = shown(line)["strip"]
        assert after.sentence.endswith("that is over.")
        assert (before.kind, after.kind) == ("bad", "ok")
