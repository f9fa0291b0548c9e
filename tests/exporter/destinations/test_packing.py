"""Packing promises: whatever the calls, a body keeps its limits, and none is lost, doubled or moved."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.destinations.packing import MOST_BYTES, MOST_EVENTS, Limits, how_many_fit, wrap

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC)
calls = st.lists(
    st.integers(2, 32_000).flatmap(lambda size: st.just(b'"' + b"x" * (size - 2) + b'"')), max_size=60
)
many = st.integers(0, 9_000).map(lambda count: [b"%d" % number for number in range(count)])


def bodies(offered: list[bytes], limits: Limits, at_once: int = 7) -> list[list[bytes]]:
    """Packed as the reader packs: batch by batch, as many join as fit, the next one begins another body."""
    found: list[list[bytes]] = [[]]
    place = size = 0
    while place < len(offered):
        batch = offered[place : place - place % at_once + at_once]
        fitting = how_many_fit(size, len(found[-1]), batch, limits)
        size += sum(map(len, batch[:fitting])) + fitting - (1 if fitting and not found[-1] else 0)
        found[-1] += batch[:fitting]
        place += fitting
        if fitting < len(batch):
            found.append([])
            size = 0
    return found if found[-1] else found[:-1]


@given(st.one_of(calls, many))
def test_bodies_keep_segments_limits_and_lose_nothing(offered: list[bytes]) -> None:
    packed = bodies(offered, Limits())
    assert [call for body in packed for call in body] == offered
    for body in packed:
        assert len(body) <= MOST_EVENTS == 2_500
        assert len(wrap(body, NOW)) <= MOST_BYTES == 475_000


@given(calls, st.integers(33_000, 100_000), st.integers(1, 10))
def test_smaller_limits_are_kept_too(offered: list[bytes], most_bytes: int, most_events: int) -> None:
    for body in bodies(offered, Limits(most_bytes, most_events)):
        assert len(body) <= most_events
        assert len(wrap(body, NOW)) <= most_bytes


@given(many)
def test_no_body_could_have_held_the_next_call_too(offered: list[bytes]) -> None:
    packed = bodies(offered, Limits())
    for body, following in pairwise(packed):
        assert len(body) == MOST_EVENTS or len(wrap([*body, following[0]], NOW)) > MOST_BYTES


def test_a_body_is_a_batch_with_the_time_of_sending() -> None:
    assert json.loads(wrap([b'{"a":1}', b'{"b":2}'], NOW)) == {
        "batch": [{"a": 1}, {"b": 2}],
        "sentAt": "2026-01-02T03:04:05.678Z",
    }
    whole_second = NOW.replace(microsecond=0)
    assert json.loads(wrap([], whole_second))["sentAt"] == "2026-01-02T03:04:05.000Z"
