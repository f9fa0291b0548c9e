"""What is said of an event's outcome: a word, its meaning, a colour and an icon for each there is."""

from __future__ import annotations

import pytest

from exporter.display.outcome_words import sign_of
from exporter.ledger.outcomes import Outcome

EVERY_FATE = [*(outcome.value for outcome in Outcome), "pending", "earlier"]


@pytest.mark.parametrize("fate", EVERY_FATE)
def test_every_fate_has_a_word_and_a_sentence_that_says_what_it_means(fate: str) -> None:
    sign = sign_of(fate)
    assert str(sign.word)[0].isupper()
    assert str(sign.meaning).endswith(".")
    assert sign.icon


@pytest.mark.parametrize(
    ("fate", "colour"),
    [
        ("delivered", "good"),
        ("unselected", "quiet"),
        ("anonymous", "quiet"),
        ("unsupported", "quiet"),
        ("earlier", "quiet"),
        ("pending", "caution"),
        ("rejected", "trouble"),
        ("expired", "trouble"),
    ],
)
def test_only_a_loss_is_shown_as_trouble(fate: str, colour: str) -> None:
    assert sign_of(fate).colour == colour


def test_no_two_fates_share_a_word() -> None:
    assert len({str(sign_of(fate).word) for fate in EVERY_FATE}) == len(EVERY_FATE)
