"""The delay of each event from receipt to acceptance: in its bucket, under the minute it was received in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from exporter.delivery import settle
from exporter.delivery.lanes import settle_many
from exporter.delivery.piece import Piece
from exporter.ledger.delay_buckets import BOUNDS

ACCEPTED = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC).timestamp()

Way = Callable[[Piece], list[tuple[datetime, int, int]]]


def piece(*delays: float) -> Piece:
    received = [(ACCEPTED - delay, place + 1) for place, delay in enumerate(delays)]
    return Piece(0, 1, 1, "sent", Counter(), received, accepted_at=ACCEPTED)


def by_a_turn(one: Piece) -> list[tuple[datetime, int, int]]:
    found = settle._delays([one])
    return list(zip(found["delay_minutes"], found["delay_buckets"], found["delay_counts"], strict=True))


def by_a_set(one: Piece) -> list[tuple[datetime, int, int]]:
    columns: dict[str, list[Any]] = {name: [] for name in settle_many._NAMES}
    settle_many._add_delays(columns, 7, one)
    assert columns["delay_ids"] == [7] * len(columns["delay_minutes"])
    return list(zip(columns["delay_minutes"], columns["delay_buckets"], columns["delay_counts"], strict=True))


@pytest.mark.parametrize("way", [by_a_turn, by_a_set])
def test_each_delay_is_in_the_first_bucket_that_holds_it(way: Way) -> None:
    noon, before = (datetime(2026, 3, 2, 12 - ago, 59 * ago, tzinfo=UTC) for ago in (0, 1))
    just_over = BOUNDS[3] + 0.01
    found = way(piece(0.0, BOUNDS[3] - 0.01, just_over, 31.0))
    assert sorted(found) == [
        (before, next(place for place, bound in enumerate(BOUNDS) if bound >= 31.0), 4),
        (noon, 0, 1),
        (noon, 3, 2),
        (noon, 4, 3),
    ]


@pytest.mark.parametrize("way", [by_a_turn, by_a_set])
def test_a_clock_that_ran_backwards_is_no_delay(way: Way) -> None:
    assert [place for _minute, place, _count in way(piece(-3.0))] == [0]


@pytest.mark.parametrize("way", [by_a_turn, by_a_set])
def test_delays_of_one_minute_and_bucket_are_one_row(way: Way) -> None:
    assert [count for _minute, _place, count in way(piece(0.0, 0.01, 0.02))] == [6]
