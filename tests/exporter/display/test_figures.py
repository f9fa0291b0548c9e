"""What a figure promises: its title, description, marks and table tell the numbers its shapes are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from exporter.display import figures
from exporter.reports.time_series import EVENT_ROWS, Timeline, Trends
from exporter.reports.windows import WEEK
from tests.support.summaries import NOW

Row = Sequence[float | None]
REJECTED = "rejected by Segment"


def trends(**rows: Row) -> Trends:
    """Trends of one step per value; rows nobody names are empty."""
    steps = max((len(row) for row in rows.values()), default=0)
    begins = [NOW + timedelta(hours=step) for step in range(steps)]

    def line(empty: float | None, *names: str) -> Timeline:
        return Timeline(begins, {name: list(rows.get(name, [empty] * steps)) for name in names})

    return Trends(
        WEEK,
        line(0, *EVENT_ROWS),
        line(None, "p50", "p95", "p99"),
        line(0, "accepted", "refused", "wait", "none"),
        [],
        [],
    )


@pytest.mark.parametrize(
    ("waiting", "title"),
    [(0, "Accepted by Segment"), (20, "Accepted by Segment"), (21, "Accepted by Segment, and waiting")],
)
def test_what_waits_is_in_the_title_where_it_is_much(waiting: int, title: str) -> None:
    assert figures.events(trends(delivered=[1000], waiting=[waiting]), REJECTED).title == title


def test_the_events_are_described_in_one_sentence() -> None:
    rows = trends(delivered=[12_000, 345], not_sent=[1, 0], expired=[0, 2], waiting=[0, 7])
    told = figures.events(rows, REJECTED)
    assert told.description == "12,345 events accepted by Segment, 3 not delivered, 7 waiting."


def test_the_table_has_every_number_the_newest_first() -> None:
    told = figures.events(trends(delivered=[5, 1_000], rejected=[0, 3]), REJECTED)
    assert told.columns == ["Accepted", "Rejected by Segment", "Not sent", "Expired", "Waiting"]
    assert told.rows == [
        (NOW + timedelta(hours=1), ["1,000", "3", "0", "0", "0"]),
        (NOW, ["5", "0", "0", "0", "0"]),
    ]


def test_the_greatest_losses_are_marked_and_no_more_than_three() -> None:
    rows = trends(
        delivered=[9] * 5, rejected=[1, 0, 5, 3, 2], not_sent=[0, 0, 0, 1, 0], expired=[0, 0, 0, 3, 0]
    )
    told = figures.events(rows, REJECTED)
    assert [mark.text for mark in told.marks] == ["7", "5", "2"]


def test_what_waits_stands_beside_what_was_settled_never_on_it() -> None:
    chart = figures.events(trends(delivered=[10], waiting=[4]), REJECTED).chart
    settled, waiting = chart.bars
    assert waiting.y + waiting.height == pytest.approx(chart.frame.floor, abs=0.11)
    assert settled.x + settled.width <= waiting.x + 0.11


def test_no_events_are_an_empty_figure() -> None:
    told = figures.events(trends(delivered=[0, 0]), REJECTED)
    assert told.empty
    assert told.marks == []


@pytest.mark.parametrize(
    ("p50", "p99", "description"),
    [
        ([0.2, None], [1.5, None], "within 0.2 s and 99 of 100 within 1.5 s."),
        ([0.2, 3], [1.5, 90], "within 3 s and 99 of 100 within 1 min."),
        ([None], [None], "Nothing was accepted in this time."),
    ],
)
def test_delays_tell_the_newest_there_are(p50: Row, p99: Row, description: str) -> None:
    assert figures.delays(trends(p50=p50, p99=p99)).description.endswith(description)


def test_three_causes_of_a_loss_are_three_shapes() -> None:
    told = figures.events(trends(delivered=[9], rejected=[1], not_sent=[2], expired=[3]), REJECTED)
    assert {name for name, _path in told.shapes} == {"delivered", "rejected", "not_sent", "expired"}


@pytest.mark.parametrize(
    ("p50", "p99", "beside"),
    [
        ([0.05], [0.095], ["10 ms", "0.1 s"]),
        ([0.7], [14.0], ["0.1 s", "1 s", "10 s", "1 min"]),
        ([0.7], [2_700.0], ["0.1 s", "10 s", "10 min", "1 h"]),
        ([400.0], [90_000.0], ["1 min", "1 h", "24 h", "7 days"]),
    ],
)
def test_beside_the_grid_of_delays_stand_times_as_they_are(p50: Row, p99: Row, beside: list[str]) -> None:
    told = figures.delays(trends(p50=p50, p95=p50, p99=p99))
    assert [mark.text for mark in told.grid] == beside
    heights = [mark.y for mark in told.grid]
    assert heights == sorted(heights, reverse=True)
    assert all(told.chart.frame.top <= height <= told.chart.frame.floor for height in heights)


def test_a_step_without_a_delay_is_a_dash_and_a_gap() -> None:
    told = figures.delays(trends(p50=[0.2, None, 0.3]))
    assert [cells[-1] for _begin, cells in told.rows] == ["0.3 s", "–", "0.2 s"]


def test_labels_of_lines_that_end_together_do_not_lie_on_each_other() -> None:
    marks = figures.delays(trends(p50=[1, 1], p95=[1, 1], p99=[1, 1])).marks
    assert [mark.name for mark in sorted(marks, key=lambda mark: mark.y)] == ["p99", "p95", "p50"]
    heights = sorted(mark.y for mark in marks)
    assert [below - above for above, below in pairwise(heights)] == [
        figures.LABEL_HEIGHT,
        figures.LABEL_HEIGHT,
    ]


def test_attempts_are_told_by_answer() -> None:
    told = figures.attempts(trends(accepted=[1_000, 1], refused=[0, 2], wait=[3, 0], none=[0, 4]))
    assert told.description == "Accepted: 1,001, Rejected: 2, Try later: 3, No answer: 4"
    assert {name for name, _path in told.shapes} == {"accepted", "refused", "wait", "none"}


def test_no_number_of_a_loss_lies_on_that_of_a_greater_one_or_leaves_the_picture() -> None:
    lost = [0.0] * 20 + [1_000_000, 3_000_000, 2_000_000, 4_000_000]
    marks = figures.events(trends(delivered=[9] * 24, expired=lost), REJECTED).marks
    assert [mark.text for mark in marks] == ["4,000,000"]
    assert marks[0].covers[1] <= figures.WIDE.width


def test_the_plot_makes_room_for_the_words_at_its_sides() -> None:
    few, many = (
        figures.events(trends(delivered=[count]), REJECTED).chart.frame for count in (10, 300_000_000)
    )
    assert many.left > few.left == figures.WIDE.left
    quick, slow = (figures.delays(trends(p50=[delay])).chart.frame for delay in (0.02, 35_940))
    assert slow.right > quick.right >= figures.SLIM.right


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("en", "4 Mar"),
        ("fr", "4 mars"),
        ("pt-br", "4 março"),
        ("es", "4 marzo"),
        ("ja", "3月4日"),
        ("de", "4. März"),
    ],
)
def test_the_days_of_a_week_are_written_as_the_language_writes_them(language: str, first: str) -> None:
    with translation.override(language):
        figure = figures.events(trends(delivered=[9] * WEEK.steps), REJECTED)
        drawn = render_to_string("exporter/figure.html", {"figure": figure, "hour_format": "j M"})
    labels = [label.split("<")[0].strip() for label in drawn.split('class="hour"')[1:]]
    assert labels[0].rpartition(">")[2].strip() == first
    assert len(labels) == 7
