"""The way on past a damaged log: every event is accounted for, and what is behind the damage is delivered."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from connectors.audit.actor import SYSTEM
from connectors.models import AuditEntry
from exporter.actions import replays
from exporter.actions.replay_preview import Wanted
from exporter.delivery.deliver import deliver
from exporter.delivery.lease import Lease
from exporter.ledger.check import check
from exporter.models import Delivery, EventBatch, RejectedEvent, Settlement
from tests.support.damaging import cut_payload, mend
from tests.support.delivering import EMAIL_OPEN, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def skip(line: Line) -> str:
    said = StringIO()
    call_command("skip_damaged", connector=line.connector.pk, stdout=said)
    return said.getvalue()


def mixed(line: Line) -> None:
    line.feed_events(
        [
            event(1),
            event(2),
            event(3, event_type="users.messages.email.Click"),
            event(4, event_type="made.up.Type"),
            event(5, external_user_id=None),
        ]
    )


def test_what_cannot_be_read_is_counted_as_what_can_be_told_and_the_rest_is_delivered() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        mixed(line)
        damaged = cut_payload(0)
        line.feed(3)
        assert line.deliver() == "failed"
        assert "Events 0 to 4 cannot be decompressed: 2 rejected." in skip(line)
        assert line.deliver() == "idle"
        assert line.outcomes() == {
            "rejected": 2,
            "unselected": 1,
            "unsupported": 1,
            "anonymous": 1,
            "delivered": 3,
        }
        assert (line.delivery.stopped, line.delivery.failing_since) == ("", None)
        assert [found for found in check() if "cannot be read" not in found.sentence] == []
        mend(damaged)


def test_the_audit_log_and_the_rejected_events_say_what_was_passed_and_why() -> None:
    with a_line() as line:
        mixed(line)
        damaged = cut_payload(0)
        line.deliver()
        skip(line)
        entry = AuditEntry.objects.get(action="connector.damage_skipped")
        assert (entry.target, entry.after["events"], entry.after["rejected"]) == (
            line.connector.name,
            "0–4",
            3,
        )
        rejected = RejectedEvent.objects.get()
        assert (rejected.event_number, rejected.reason) == (
            0,
            "The stored events 0 to 4 cannot be decompressed.",
        )
        mend(damaged)


def test_neighbouring_damages_and_holes_are_passed_in_one_go_and_balance() -> None:
    with a_line() as line:
        for _ in range(5):
            line.feed(10)
        damaged = [cut_payload(0), cut_payload(10)]
        EventBatch.objects.filter(first_event=20).update(type_counts={EMAIL_OPEN: [1, 0]}, payload=b"")
        EventBatch.objects.filter(first_event=30).delete()
        line.deliver()
        skip(line)
        assert line.deliver() == "idle"
        assert line.outcomes() == {"rejected": 40, "delivered": 10}
        assert Settlement.objects.filter(kind="damaged").count() == 1
        sentences = [found.sentence for found in check()]
        assert not [sentence for sentence in sentences if "recount" in sentence or "counted" in sentence]
        assert len(sentences) == 4, sentences  # three batches that cannot be read, and the hole
        for batch in damaged:
            mend(batch)
        line.workspace.delete()


def test_a_replay_that_a_damage_stops_is_passed_on_too() -> None:
    with a_line() as line:
        line.feed(10)
        line.feed(10)
        line.feed(10)
        while line.deliver() == "behind":
            pass
        now = timezone.now()
        asked = Wanted(now - timedelta(hours=1), now + timedelta(minutes=1), outcomes=("everything",))
        made = replays.begin(line.connector, asked, SYSTEM)
        replays.advance()
        damaged = cut_payload(10)
        assert deliver(made.delivery_id) == "failed"
        assert Delivery.objects.get(pk=made.delivery_id).stopped == "log_damaged"
        assert "Events 10 to 19 cannot be decompressed: 10 rejected." in skip(line)
        assert AuditEntry.objects.get(action="connector.damage_skipped").after["delivery"] == "replay"
        while deliver(made.delivery_id) == "behind":
            pass
        replayed = Delivery.objects.get(pk=made.delivery_id)
        assert (replayed.stopped, replayed.cursor) == ("", 30)
        counted = {row.outcome: row.count for row in replayed.deliverytotal_set.all()}
        assert counted == {"delivered": 20, "rejected": 10}
        assert line.outcomes() == {"delivered": 30}, "the live ledger keeps what it had"
        assert not RejectedEvent.objects.exists()
        mend(damaged)


def test_a_batch_that_was_partly_delivered_is_passed_from_the_cursor_on() -> None:
    with a_line() as line:
        line.feed(20)
        up_to = Delivery.objects.filter(pk=line.delivery.pk)
        up_to.update(stop=12)
        line.deliver()
        up_to.update(stop=None)
        damaged = cut_payload(0)
        line.deliver()
        assert "Events 12 to 19" in skip(line)
        assert line.outcomes() == {"delivered": 12, "rejected": 8}
        mend(damaged)


def test_a_healthy_log_is_not_passed() -> None:
    with a_line() as line:
        line.feed(5)
        with pytest.raises(CommandError, match="Nothing is damaged at event 0"):
            skip(line)
        line.deliver()
        with pytest.raises(CommandError, match="Nothing is damaged at event 5"):
            skip(line)


def test_a_delivery_that_is_worked_on_is_left_alone() -> None:
    with a_line() as line:
        line.feed(5)
        lease = Lease.take(line.delivery.pk)
        assert lease is not None
        with pytest.raises(CommandError, match="Try again in a minute"):
            skip(line)
        lease.release()
        line.deliver()


def test_an_unknown_connector_is_said_to_be_unknown() -> None:
    with pytest.raises(CommandError, match="There is no connector 4711"):
        call_command("skip_damaged", connector=4711)


def test_check_ledger_names_a_damaged_batch_and_goes_on() -> None:
    with a_line() as line, a_line() as other:
        line.feed(10)
        line.deliver()
        other.feed(10)
        other.deliver()
        damaged = cut_payload(5)
        other.delivery.deliverytotal_set.update(count=9)
        sentences = [str(found) for found in check()]
        assert any("the batch from 0 to 9 cannot be read." in sentence for sentence in sentences)
        assert any("deliverytotal holds 9" in sentence for sentence in sentences)
        assert not any(
            "counts differ" in sentence for sentence in sentences if line.workspace.slug in sentence
        )
        mend(damaged)
        other.delivery.deliverytotal_set.update(count=10)
