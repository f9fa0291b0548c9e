"""What the health strip promises: a cell for each two hours, days where they begin, and the same told in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.display.health_strip import HEIGHT, STEP, strip
from exporter.reports.time_series import STRIP_CELLS, STRIP_STEP, Cell
from tests.support.summaries import NOW

FIRST = NOW - timedelta(seconds=STRIP_STEP * (STRIP_CELLS - 1))


def week(kinds: dict[int, str], otherwise: str = "ok") -> list[Cell]:
    """A week of cells; `kinds` by their place, a negative one counts from the newest."""
    placed = {place % STRIP_CELLS: kind for place, kind in kinds.items()}
    return [
        Cell(FIRST + timedelta(seconds=STRIP_STEP * place), placed.get(place, otherwise))
        for place in range(STRIP_CELLS)
    ]


@pytest.mark.parametrize(
    ("kinds", "otherwise", "sentence", "worst"),
    [
        ({}, "ok", "No trouble in the last 7 days.", "ok"),
        ({}, "none", "Nothing was sent in the last 7 days.", "none"),
        ({5: "ok"}, "none", "No trouble in the last 7 days.", "ok"),
        ({-1: "bad"}, "ok", "Trouble since 12:00.", "bad"),
        ({-1: "bad", -2: "warn"}, "ok", "Trouble since 10:00.", "bad"),
        (
            {-3: "warn"},
            "ok",
            "Trouble within 2 h from 08:00; no other in the last 7 days.",
            "warn",
        ),
        (
            {3: "warn", -4: "bad", -3: "bad"},
            "ok",
            "2 spells of trouble in the last 7 days, the last from 06:00.",
            "bad",
        ),
    ],
)
def test_the_sentence_tells_what_the_cells_show(
    kinds: dict[int, str], otherwise: str, sentence: str, worst: str
) -> None:
    told = strip(week(kinds, otherwise), NOW)
    assert told.sentence == sentence
    assert told.kind == worst


def test_trouble_stands_taller_than_what_was_good() -> None:
    paths = {shape.kind: shape.path for shape in strip(week({0: "bad", 1: "warn"}), NOW).shapes}
    assert paths["bad"] == f"M0 0h8v{HEIGHT}h-8z"
    assert paths["warn"].startswith(f"M{STEP} 6h8v22")
    assert paths["ok"].count("M") == STRIP_CELLS - 2


def test_days_are_labelled_where_they_begin_if_there_is_room() -> None:
    days = strip(week({}), NOW).days
    assert [day.at.hour for day in days] == [0] * len(days)
    assert 6 <= len(days) <= 7
    assert all(0 <= day.x <= 95 for day in days)


def test_no_cells_are_no_trouble() -> None:
    assert strip([], NOW).kind == "none"
