"""What incidents promise: one per trouble however it flaps, each step once, closed when it is over."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from connectors.models import WriteKey
from connectors.setup import lifecycle
from exporter.delivery.expiry import expire_due
from exporter.delivery.piece import Piece
from exporter.dispatch.sweep import sweep
from exporter.incidents import detect
from exporter.incidents.detect import look
from exporter.models import Attempt, Delivery, EventBatch, Incident, Notice
from tests.support.ageing import after, make_older, signed
from tests.support.delivering import EMAIL_OPEN, NOBODY, Line, a_line
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)

CLICK = "users.messages.email.Click"


@pytest.fixture(autouse=True)
def _swept() -> None:
    signed("sweep")


def steps() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("step", flat=True))


def stop(line: Line, status: int = 401) -> None:
    line.feed(3)
    line.sandbox.fail(status=status)
    assert line.deliver() == "failed"


def heal(line: Line) -> None:
    line.sandbox.heal()
    line.make_due()
    assert line.deliver() == "idle"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "key_rejected"), (403, "key_rejected"), (404, "request_refused"), (400, "request_refused")],
)
def test_a_stop_is_told_by_the_settle_that_stops(status: int, reason: str) -> None:
    with a_line() as line:
        stop(line, status)
        incident = Incident.objects.get()
        assert (incident.reason, incident.closed_at) == (reason, None)
        assert steps() == ["stopped"]
        line.make_due()
        assert line.deliver() == "failed"
        look()
        assert steps() == ["stopped"]


def test_a_key_that_cannot_be_read_is_told_at_once() -> None:
    with a_line() as line:
        line.feed(3)
        key = WriteKey.objects.get()
        WriteKey.objects.update(ciphertext=b"damaged")
        line.deliver()
        assert Incident.objects.get().reason == "key_unreadable"
        assert steps() == ["stopped"]
        WriteKey.objects.update(ciphertext=bytes(key.ciphertext))


def test_other_failures_are_told_after_half_an_hour_without_one_success() -> None:
    with a_line() as line:
        stop(line, 503)
        look(after(minutes=29))
        assert not Incident.objects.exists()
        look(after(minutes=31))
        incident = Incident.objects.get()
        assert incident.reason == "retrying"
        assert incident.opened_at == line.delivery.failing_since
        assert steps() == ["stopped"]
        look(after(minutes=32))
        assert steps() == ["stopped"]


def test_a_pause_is_not_told_at_once_but_its_half_time_and_its_last_hours_are() -> None:
    with a_line() as line:
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        look(after(hours=23.9))
        assert Incident.objects.get().reason == "paused"
        assert steps() == []
        look(after(hours=24.1))
        assert steps() == ["half_time"]
        look(after(hours=43.9))
        assert steps() == ["half_time"]
        look(after(hours=44.1))
        assert steps() == ["half_time", "four_hours"]


def test_the_clock_of_loss_is_that_of_the_oldest_event_that_would_be_sent() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(3, event_type=CLICK)
        line.feed(2, external_user_id=None)
        make_older(line, hours=30)
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        look(after(hours=23.9))
        assert steps() == []
        look(after(hours=24.1))
        assert steps() == ["half_time"]


def test_what_was_accepted_ahead_waits_no_longer() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed(2, event_type=CLICK)
        line.feed(3)
        make_older(line, hours=30)
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        minute = EventBatch.objects.get(first_event=2).received_at.replace(second=0, microsecond=0)
        counts = Counter({(minute, EMAIL_OPEN, "delivered"): 3})
        accepted = Piece(2, 5, line.connector.revisions.get().pk, "sent", counts)
        Delivery.objects.update(ahead=[accepted.to_json()])
        look(after(hours=23.9))
        assert steps() == []
        look(after(hours=24.1))
        assert steps() == ["half_time"]


def test_a_stop_during_a_pause_is_told_although_the_pause_was_not() -> None:
    with a_line() as line:
        line.feed(1)
        lifecycle.pause(line.connector, by=NOBODY)
        look()
        assert steps() == []
        lifecycle.resume(line.connector, by=NOBODY)
        stop(line)
        assert Incident.objects.get().reason == "key_rejected"
        assert steps() == ["stopped"]


def test_it_closes_after_ten_quiet_minutes_and_says_so_where_a_stop_was_told() -> None:
    with a_line() as line:
        stop(line)
        heal(line)
        Attempt.objects.update(at=after(minutes=-11))
        look()
        assert Incident.objects.get().closed_at is None
        look(after(minutes=9))
        assert Incident.objects.get().closed_at is None
        look(after(minutes=11))
        assert Incident.objects.get().closed_at is not None
        look(after(minutes=12))
        assert steps() == ["stopped", "recovered"]


def test_the_end_of_a_pause_is_not_told() -> None:
    with a_line() as line:
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        look(after(hours=25))
        lifecycle.resume(line.connector, by=NOBODY)
        line.deliver()
        look(after(hours=25))
        look(after(hours=25.2))
        assert Incident.objects.get().closed_at is not None
        assert steps() == ["half_time"]


def test_flapping_is_one_incident_and_one_mail() -> None:
    with a_line() as line:
        for _ in range(3):
            stop(line)
            heal(line)
            look()
        assert Incident.objects.count() == 1
        assert steps() == ["stopped"]
        look(after(seconds=50))
        assert Incident.objects.get().closed_at is None


def test_a_backlog_keeps_an_incident_open() -> None:
    with a_line() as line:
        stop(line)
        heal(line)
        Attempt.objects.update(at=after(minutes=-11))
        line.feed(1)
        make_older(line, first=3, seconds=50)
        look()
        look(after(minutes=11))
        assert Incident.objects.get().closed_at is None
        heal(line)
        look(after(minutes=11))
        look(after(minutes=22))
        assert Incident.objects.get().closed_at is not None


def test_a_loss_opens_an_incident_where_none_is_open() -> None:
    with a_line() as line:
        stop(line, 503)
        expire_due(after(hours=49))
        incident = Incident.objects.get()
        assert (incident.reason, incident.expired_before) == ("retrying", {})
        assert steps() == ["dropping"]
        look(after(hours=49))
        assert steps() == ["dropping", "stopped"]


def test_what_had_expired_before_is_noted_by_type() -> None:
    with a_line() as line:
        stop(line)
        expire_due(after(hours=49))
        heal(line)
        Incident.objects.update(closed_at=after())
        stop(line)
        assert Incident.objects.get(closed_at=None).expired_before == {EMAIL_OPEN: 3}


def test_lateness_that_is_our_own_fault_is_not_told() -> None:
    with a_line() as line:
        line.feed(3)
        make_older(line, hours=30)
        signed("sweep", minutes_ago=11)
        look()
        sweep()
        look()
        assert not Incident.objects.exists()
        assert line.deliver() == "idle"


def test_a_short_expiry_warns_at_half_time_at_the_latest(settings: Settings) -> None:
    settings.CURRENTS_EXPIRY_HOURS = 6
    with a_line() as line:
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        look(after(hours=2.9))
        assert steps() == []
        look(after(hours=3.1))
        assert steps() == ["half_time", "four_hours"]


def test_a_closing_that_meets_a_new_failure_does_not_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settle comes between the look and what the look writes."""
    with a_line() as line:
        stop(line)
        heal(line)
        Attempt.objects.update(at=after(minutes=-11))
        look()
        judged = detect.end

        def end_then_fail(state: detect.Situation, now: datetime) -> tuple[datetime | None, datetime | None]:
            verdict = judged(state, now)
            in_thread(lambda: stop(line)).join()
            return verdict

        monkeypatch.setattr(detect, "end", end_then_fail)
        look(after(minutes=11))
        incident = Incident.objects.get()
        assert (incident.closed_at, incident.quiet_since) == (None, None)
        assert steps() == ["stopped"]


def test_half_an_hour_counts_from_the_first_failure() -> None:
    with a_line() as line:
        stop(line, 503)
        began = line.delivery.failing_since
        assert began is not None
        line.make_due()
        line.deliver()
        look(began + timedelta(minutes=31))
        assert Incident.objects.get().opened_at == began
