"""A delay is counted in the bucket whose bound it does not exceed, and percentiles are told from the bounds."""

from __future__ import annotations

import pytest

from exporter.ledger.delay_buckets import BOUNDS, bucket, percentile

WEEK = 7 * 24 * 3600


@pytest.mark.parametrize("place", range(len(BOUNDS)))
def test_a_bound_belongs_to_its_own_bucket_and_a_little_more_to_the_next(place: int) -> None:
    assert bucket(BOUNDS[place]) == place
    assert bucket(BOUNDS[place] + 0.001) == min(place + 1, len(BOUNDS) - 1)


def test_each_bound_is_nearly_twice_the_one_before_to_the_millisecond() -> None:
    """Stored buckets are read by these bounds: a change would move every delay that was counted before."""
    assert BOUNDS[:8] == (0.05, 0.095, 0.18, 0.343, 0.652, 1.238, 2.352, 4.469)
    assert BOUNDS[-1] == 128_914.814


def test_the_smallest_bucket_takes_what_took_no_time_and_the_largest_what_took_any() -> None:
    assert bucket(0.0) == 0
    assert bucket(10 * WEEK) == 23
    assert BOUNDS[0] == 0.05
    assert BOUNDS[22] < 10 * WEEK
    assert len(BOUNDS) == 24


@pytest.mark.parametrize(
    ("share", "place"), [(0.01, 0), (0.5, 0), (0.51, 1), (0.9, 1), (0.91, 5), (0.99, 5), (1.0, 5)]
)
def test_a_percentile_is_the_bound_of_the_bucket_it_lies_in(share: float, place: int) -> None:
    assert percentile({1: 40, 0: 50, 5: 10}, share) == BOUNDS[place]


def test_without_delays_there_is_no_percentile() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({3: 0}, 0.5) is None
