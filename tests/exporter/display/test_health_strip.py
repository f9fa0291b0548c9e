"""What the health strip promises: a cell for each two hours, days where they begin, and the same told in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from connectors.models import Connector
from exporter.display.health_strip import HEIGHT, STEP, strip
from exporter.reports.health import Health
from exporter.reports.time_series import STRIP_CELLS, STRIP_STEP, Cell
from exporter.reports.windows import WEEK
from tests.support.summaries import NOW, a_summary

LAUNCHED = Connector(name="Segment", created_at=NOW - timedelta(days=30))
WELL = a_summary(Health.DELIVERING, connector=LAUNCHED)
FIRST = NOW - timedelta(seconds=STRIP_STEP * (STRIP_CELLS - 1))


def week(kinds: dict[int, str], otherwise: str = "ok") -> list[Cell]:
    """A week of cells; `kinds` by their place, a negative one counts from the newest."""
    placed = {place % STRIP_CELLS: kind for place, kind in kinds.items()}
    return [
        Cell(FIRST + timedelta(seconds=STRIP_STEP * place), placed.get(place, otherwise))
        for place in range(STRIP_CELLS)
    ]


@pytest.mark.parametrize(
    ("kinds", "otherwise", "sentence", "kind"),
    [
        ({}, "ok", "No trouble in the last 7 days.", "ok"),
        ({}, "none", "Nothing was sent in the last 7 days.", "none"),
        ({5: "ok"}, "none", "No trouble in the last 7 days.", "ok"),
        (
            {-2: "bad"},
            "ok",
            "In the last 7 days, requests failed in 1 two-hour span, from 10:00 to 12:00; that is over.",
            "ok",
        ),
        (
            {3: "warn", -4: "bad", -3: "bad"},
            "ok",
            "In the last 7 days, requests failed in 3 two-hour spans, the last from 08:00 to 10:00; that is over.",
            "ok",
        ),
    ],
)
def test_the_sentence_tells_what_the_cells_show(
    kinds: dict[int, str], otherwise: str, sentence: str, kind: str
) -> None:
    told = strip(week(kinds, otherwise), WELL)
    assert told.sentence == sentence
    assert told.kind == kind


@pytest.mark.parametrize(("health", "kind"), [(Health.KEY_REJECTED, "bad"), (Health.RETRYING, "warn")])
def test_trouble_that_lasts_is_told_from_the_minute_it_began(health: Health, kind: str) -> None:
    since = NOW - timedelta(hours=2, minutes=47)
    told = strip(week({-1: "bad", -2: "bad"}), a_summary(health, connector=LAUNCHED, failing_since=since))
    assert told.sentence == "Trouble since 09:13."
    assert told.kind == kind


def test_trouble_stands_taller_than_what_was_good() -> None:
    paths = {shape.kind: shape.path for shape in strip(week({0: "bad", 1: "warn"}), WELL).shapes}
    assert paths["bad"] == f"M0 0h8v{HEIGHT}h-8z"
    assert paths["warn"].startswith(f"M{STEP} 6h8v22")
    assert paths["ok"].count("M") == STRIP_CELLS - 2


def test_days_are_labelled_where_they_begin_if_there_is_room() -> None:
    days = strip(week({}), WELL).days
    assert [day.at.hour for day in days] == [0] * len(days)
    assert 6 <= len(days) <= 7
    assert all(0 <= day.x <= 95 for day in days)


# In the weeks in which clocks are set back or forward, and where that happens by half an hour.
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", datetime(2026, 11, 2, tzinfo=UTC)),
        ("Europe/London", datetime(2027, 3, 29, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 6, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 11, 26, tzinfo=UTC)),
    ],
)
def test_each_day_is_labelled_once_in_any_zone_at_any_hour(zone: str, day: datetime) -> None:
    with timezone.override(ZoneInfo(zone)):
        for hour in range(6 * 24):
            week = WEEK.since(day + timedelta(hours=hour))
            cells = [Cell(week + timedelta(seconds=STRIP_STEP * place), "ok") for place in range(STRIP_CELLS)]
            days = [timezone.localdate(one.at) for one in strip(cells, WELL).days]
            assert all(after - before == timedelta(days=1) for before, after in pairwise(days)), (hour, days)


def test_no_cells_are_no_trouble() -> None:
    assert strip([], WELL).kind == "none"


@pytest.mark.parametrize("health", [Health.LOSING_EVENTS, Health.RETRYING])
def test_where_no_request_failed_the_strip_does_not_deny_the_trouble_above_it(health: Health) -> None:
    told = strip(week({}), a_summary(health, connector=LAUNCHED))
    assert told.sentence == "Requests to Segment went well in the last 7 days."
    assert told.kind == "none"
    young = Connector(name="Segment", created_at=NOW - timedelta(hours=2))
    told = strip(week({}), a_summary(health, connector=young))
    assert told.sentence == "Requests to Segment have gone well since the launch, 10:00."


def test_a_pause_is_no_trouble() -> None:
    assert strip(week({}), a_summary(Health.PAUSED, connector=LAUNCHED)).kind == "ok"
