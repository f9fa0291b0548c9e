"""What a chart promises: heights are true to the numbers, gaps stay gaps, at most four grid lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.display import chart_geometry

counts = st.lists(st.one_of(st.none(), st.integers(0, 10**9)), max_size=60)


@given(counts, counts)
def test_every_bar_stands_within_the_frame_and_on_the_one_below(
    first: list[int | None], second: list[int | None]
) -> None:
    chart = chart_geometry.stacked({"delivered": first, "rejected": second})
    by_step: dict[int, list[chart_geometry.Bar]] = {}
    for bar in chart.bars:
        by_step.setdefault(bar.step, []).append(bar)
        assert chart.frame.left <= bar.x <= bar.x + bar.width <= chart.frame.width
        assert bar.y >= chart.frame.top - 2 * chart_geometry.LEAST_BAR - 0.1
    for bars in by_step.values():
        floor = chart.frame.floor
        for bar in bars:
            assert bar.y + bar.height == pytest.approx(floor, abs=0.11)
            floor = bar.y
    assert len(chart.bars) == sum(bool(value) for row in (first, second) for value in row)


def test_twice_as_many_are_twice_as_high() -> None:
    small, large = chart_geometry.stacked({"delivered": [200, 400]}).bars
    assert large.height == pytest.approx(2 * small.height, abs=0.1)


def test_a_single_event_is_seen_beside_a_million() -> None:
    assert chart_geometry.stacked({"delivered": [1, 1_000_000]}).bars[0].height >= 1


@given(st.floats(0, 1e15))
def test_grid_lines_are_at_most_four_rise_and_reach_the_top(most: float) -> None:
    grid = chart_geometry.linear_grid(most)
    assert 1 <= len(grid) <= chart_geometry.MOST_GRID_LINES
    assert grid == sorted(set(grid))
    assert grid[-1] >= most * (1 - 1e-5)


@given(st.integers(1, 10**12))
def test_counts_have_whole_grid_lines(most: int) -> None:
    assert all(value == int(value) for value in chart_geometry.linear_grid(most))


@given(st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_logarithmic_grid_lines_surround_the_values(one: float, other: float) -> None:
    least, most = sorted((one, other))
    grid = chart_geometry.logarithmic_grid(least, most)
    assert 2 <= len(grid) <= chart_geometry.MOST_GRID_LINES
    assert grid[0] <= least * 1.0001
    assert grid[-1] >= most * 0.9999


def test_a_line_breaks_where_there_is_nothing_to_tell() -> None:
    (line,) = chart_geometry.lines({"p50": [0.1, 0.2, None, 0.5, None, 0.3, 0.3]}).lines
    assert len(re.findall("M", line.path)) == 2
    assert len(line.points) == 1


def test_a_larger_delay_lies_higher() -> None:
    (line,) = chart_geometry.lines({"p50": [0.1, 1.0, 10.0]}).lines
    heights = [float(pair.split()[1]) for pair in re.split("[ML]", line.path) if pair]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)


def test_nothing_at_all_is_an_empty_chart() -> None:
    assert chart_geometry.stacked({"delivered": []}).empty
    assert chart_geometry.stacked({"delivered": [0, 0]}).empty
    assert chart_geometry.lines({"p50": [None, None]}).empty


@given(st.integers(1, 200))
def test_the_time_axis_has_few_ticks_from_the_first_step_on(steps: int) -> None:
    ticks = chart_geometry.stacked({"delivered": [1] * steps}).ticks
    assert ticks[0].step == 0
    assert len(ticks) <= 7
