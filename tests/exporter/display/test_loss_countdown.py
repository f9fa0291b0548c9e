"""What the countdown promises: it is there when loss is near, exact to the minute, and names the mails to come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.display.loss_countdown import Countdown, countdown
from exporter.reports.health import Health
from tests.support.summaries import NOW, a_summary

KEPT = timedelta(hours=48)


def after(hours: float, health: Health = Health.KEY_REJECTED, kept: timedelta = KEPT) -> Countdown | None:
    """The countdown when the oldest event has waited so long."""
    begin = NOW - timedelta(hours=hours)
    known = {"oldest_pending_at": begin, "first_loss_at": begin + kept, "failing_since": begin}
    return countdown(a_summary(health, **known))


@pytest.mark.parametrize(
    ("health", "early", "late"),
    [
        (Health.KEY_REJECTED, True, True),
        (Health.KEY_UNREADABLE, True, True),
        (Health.REQUEST_REFUSED, True, True),
        (Health.PAUSED, False, True),
        (Health.RETRYING, False, True),
        (Health.DELIVERING, False, False),
        (Health.CATCHING_UP, False, False),
        (Health.WAITING, False, False),
        (Health.LOSING_EVENTS, False, False),
    ],
)
def test_what_needs_a_person_is_counted_from_the_start_the_rest_from_half_time(
    health: Health, early: bool, late: bool
) -> None:
    assert (after(1, health) is not None) == early
    assert (after(25, health) is not None) == late


def test_what_is_over_age_and_not_tried_is_not_counted_down() -> None:
    assert after(50, Health.RETRYING) is None
    assert after(50, Health.PAUSED) is None


def test_nothing_waiting_is_no_countdown() -> None:
    assert countdown(a_summary(Health.KEY_REJECTED)) is None


@pytest.mark.parametrize(
    ("hours", "left", "gone"),
    [
        (0, "48 h 0 min", 0),
        (3.05, "44 h 57 min", 6.4),
        (24, "24 h 0 min", 50),
        (47.5, "30 min", 99),
        (50, "0 min", 100),
    ],
)
def test_what_is_left_is_exact_to_the_minute(hours: float, left: str, gone: float) -> None:
    told = after(hours)
    assert told is not None
    assert (told.left, told.gone) == (left, gone)


def test_the_stations_are_in_order_and_mails_to_come_are_named() -> None:
    told = after(25)
    assert told is not None
    assert [(one.name, one.passed) for one in told.stations] == [
        ("begin", True),
        ("half", True),
        ("last", False),
        ("loss", False),
    ]
    assert [one.at for one in told.stations] == [0, 50, 91.67, 100]
    assert [one.name for one in told.mails] == ["last"]


def test_a_time_too_short_for_a_last_warning_has_none() -> None:
    told = after(1, kept=timedelta(hours=6))
    assert told is not None
    assert [one.name for one in told.stations] == ["begin", "half", "loss"]


def test_the_track_begins_with_the_oldest_event_and_says_so() -> None:
    """When delivery stopped is another moment, which the sentence above the track tells."""
    told = after(30, Health.PAUSED)
    assert told is not None
    assert (told.stations[0].label, told.stations[0].moment) == (
        "Oldest event received",
        NOW - timedelta(hours=30),
    )
