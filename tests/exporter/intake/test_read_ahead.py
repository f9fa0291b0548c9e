"""What is read ahead comes in order, raises in its place, and ends where its reader does."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from exporter.intake.read_ahead import read_ahead


def test_the_next_one_is_made_while_the_last_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, told in enumerate(made):
            told.set()
            yield number

    seen = []
    for number in read_ahead(items()):
        seen.append(number)
        if number < 2:
            assert made[number + 1].wait(10), "the next one is not made before this one is done with"
    assert seen == [0, 1, 2]


def test_what_is_raised_is_raised_behind_what_came_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = read_ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_who_stops_early_leaves_no_thread() -> None:
    found = read_ahead(iter(range(1, 100)))
    assert next(found) == 1
    found.close()  # type: ignore[attr-defined]
    assert not [one for one in threading.enumerate() if one.name.startswith("read-ahead")]
