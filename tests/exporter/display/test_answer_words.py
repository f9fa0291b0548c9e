"""How Segment's answers are shown: a word, a colour and an icon for whatever it answers, and shares that fill a bar."""

from __future__ import annotations

import pytest

from exporter.display.answer_words import LEAST_PERCENT, name_of, shares, sign, words


@pytest.mark.parametrize(
    ("status", "word", "colour", "icon"),
    [
        (200, "accepted", "ok", "tick-circle"),
        (204, "accepted", "ok", "tick-circle"),
        (302, "rejected", "bad", "octagon"),
        (400, "malformed", "bad", "minus-circle"),
        (401, "key rejected", "bad", "key-struck"),
        (403, "key rejected", "bad", "key-struck"),
        (404, "rejected", "bad", "octagon"),
        (408, "failed", "warn", "retry"),
        (413, "too large", "bad", "minus-circle"),
        (429, "too many requests", "warn", "retry"),
        (503, "failed", "warn", "retry"),
        (None, "no answer", "warn", "retry"),
    ],
)
def test_every_answer_has_a_word_a_colour_and_an_icon(
    status: int | None, word: str, colour: str, icon: str
) -> None:
    answer = name_of(status)
    assert words(answer) == word
    assert sign(answer) == (colour, icon)


def test_shares_lie_side_by_side_and_fill_the_bar() -> None:
    found = shares([("200", 900), ("503", 75), ("none", 25)])
    assert [(one.answer, one.count, one.x, one.width) for one in found] == [
        ("200", 900, 0, 90),
        ("503", 75, 90, 7.5),
        ("none", 25, 97.5, 2.5),
    ]


def test_a_single_answer_among_a_million_is_wide_enough_to_be_seen() -> None:
    most, least = shares([("200", 1_000_000), ("503", 1)])
    assert least.width == pytest.approx(LEAST_PERCENT, rel=0.02)
    assert least.x == pytest.approx(most.width)
    assert most.width + least.width == pytest.approx(100, abs=0.02)


def test_no_answers_are_no_shares() -> None:
    assert shares([]) == []
