"""What the stream promises: every count is drawn, its thickness is true to it, and the counts add up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings

from exporter.display.flow_diagram import COLUMN, FULL, LEAST, TURNS, WIDTH, draw, rows_of
from exporter.ledger.outcomes import Outcome
from exporter.reports.balance import Balance, Rejected

SINCE = datetime(2026, 8, 1, tzinfo=UTC)
OUTCOMES = {
    "delivered": 500,
    "unselected": 200,
    "unsupported": 50,
    "anonymous": 100,
    "expired": 30,
    "rejected": 20,
}


def balanced(
    received: int, outcomes: dict[str, int], pending: int, too_large: int = 0, would_be_dropped: int = 0
) -> Balance:
    parts = Rejected(outcomes["rejected"] - too_large - would_be_dropped, too_large, would_be_dropped)
    return Balance(SINCE, received, outcomes, pending, 0, 0, "", [], rejected=parts)


def none_of_any() -> dict[str, int]:
    return {outcome.value: 0 for outcome in Outcome}


def test_each_station_is_what_the_one_before_lets_through() -> None:
    drawn = draw(balanced(1000, OUTCOMES, pending=100))
    assert (drawn.looked_at, drawn.selected, drawn.sent, drawn.accepted) == (900, 650, 520, 500)
    assert drawn.accepted == OUTCOMES["delivered"]
    assert {exit_.name: exit_.count for exit_ in drawn.exits} == {
        "pending": 100,
        "too_large": 0,
        "would_be_dropped": 0,
        **{name: count for name, count in OUTCOMES.items() if name != "delivered"},
    }


def test_what_never_left_leaves_before_the_station_sent() -> None:
    drawn = draw(balanced(1000, OUTCOMES, 100, too_large=10, would_be_dropped=5))
    assert (drawn.selected, drawn.sent, drawn.accepted) == (650, 505, 500)
    counts = {exit_.name: exit_.count for exit_ in drawn.exits}
    assert [counts[name] for name in ("too_large", "would_be_dropped", "rejected")] == [10, 5, 5]


def test_shares_are_of_the_station_before() -> None:
    drawn = draw(balanced(1000, OUTCOMES, pending=100))
    assert drawn.selected_share == pytest.approx(100 * 650 / 900)
    assert drawn.sent_share == pytest.approx(80)
    assert drawn.accepted_share == pytest.approx(100 * 500 / 520)


def test_thickness_is_true_to_the_count() -> None:
    drawn = draw(balanced(1000, OUTCOMES, pending=100))
    assert [band.thickness for band in drawn.bands] == [
        pytest.approx(FULL * count / 1000, abs=0.05) for count in (650, 520, 500)
    ]
    thick = {exit_.name: exit_.thickness for exit_ in drawn.exits}
    assert thick["unselected"] == pytest.approx(2 * thick["pending"], abs=0.1)


def test_one_event_in_a_million_can_be_seen() -> None:
    drawn = draw(balanced(1_000_000, none_of_any() | {"delivered": 999_999, "rejected": 1}, 0))
    (rejected,) = (exit_ for exit_ in drawn.exits if exit_.name == "rejected")
    assert rejected.thickness == LEAST
    assert rejected.colour == "bad"


@pytest.mark.parametrize("name", TURNS)
def test_an_exit_nothing_took_is_drawn_faintly(name: str) -> None:
    drawn = draw(balanced(10, none_of_any() | {"delivered": 10}, 0))
    (empty,) = (exit_ for exit_ in drawn.exits if exit_.name == name)
    assert (empty.count, empty.thickness, empty.colour) == (0, 0, "zero")


def test_every_exit_turns_down_above_the_middle_of_its_label() -> None:
    turns = list(TURNS.values())
    assert turns[:-1] == [COLUMN * (place + 0.5) for place in range(len(turns) - 1)]
    assert turns[-1] == (COLUMN * (len(turns) - 1) + WIDTH) / 2
    columns = f"repeat({len(turns) - 1}, {100 * COLUMN / WIDTH:g}%) minmax(0, 1fr)"
    assert columns in (settings.BASE_DIR / "static/css/delivery.css").read_text()


def test_nothing_received_divides_by_nothing() -> None:
    drawn = draw(balanced(0, none_of_any(), 0))
    assert (drawn.selected_share, drawn.sent_share, drawn.accepted_share) == (0, 0, 0)
    assert all(band.thickness == 0 for band in drawn.bands)


def test_the_narrow_form_has_the_same_numbers() -> None:
    ledger = balanced(1000, OUTCOMES, 100, too_large=3, would_be_dropped=4)
    drawn = draw(ledger)
    rows = rows_of(drawn, ledger)
    stations = [(row.count, row.width) for row in rows if row.station]
    assert stations == [(1000, 100), (650, 65), (513, 51.3), (500, 50)]
    assert sum(row.count for row in rows if not row.station) + OUTCOMES["delivered"] == 1000
