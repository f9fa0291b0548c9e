"""Segment's answers in a few words, with a colour and an icon each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from exporter.destinations.answer import family

# On a bar, what got no answer is told from what is to be tried later.
_TONES = {"none": "neu"}
_SIGNS = {"accepted": ("ok", "tick-circle"), "wait": ("warn", "retry"), "none": ("warn", "retry")}
LEAST_PERCENT = 0.4
# The families of `exporter.destinations.answer`, in their order.
FAMILY_WORDS: dict[str, str | Promise] = {
    "accepted": gettext_lazy("Accepted"),
    "refused": gettext_lazy("Rejected"),
    "wait": gettext_lazy("Try later"),
    "none": gettext_lazy("No answer"),
}


@dataclass(frozen=True, slots=True)
class Share:
    """How many requests were answered so: a piece of a bar, in percent of its length."""

    answer: str
    words: str
    count: int
    colour: str
    x: float
    width: float


def name_of(status: int | None) -> str:
    """The name the counts use for an answer."""
    return "none" if status is None else str(status)


def sign(answer: str) -> tuple[str, str]:
    """Colour and icon of an answer, which is named as in the counts."""
    if answer in ("401", "403"):
        return "bad", "key-struck"
    if answer in ("400", "413"):
        return "bad", "minus-circle"
    return _SIGNS.get(family(answer), ("bad", "octagon"))


def words(answer: str) -> str:
    known = {
        "400": _("malformed"),
        "401": _("key rejected"),
        "403": _("key rejected"),
        "413": _("too large"),
        "429": _("too many requests"),
        "none": _("no answer"),
    }
    if answer in known:
        return known[answer]
    by_family = {"accepted": _("accepted"), "wait": _("failed")}
    return by_family.get(family(answer), pgettext("of a request", "rejected"))


def shares(answers: Sequence[tuple[str, int]]) -> list[Share]:
    """Pieces of one bar, most frequent first, each wide enough to be seen."""
    total = sum(count for _answer, count in answers)
    found: list[Share] = []
    x = 0.0
    for answer, count in answers:
        width = max(100 * count / total, LEAST_PERCENT)
        found.append(
            Share(
                answer,
                words(answer),
                count,
                _TONES.get(answer, sign(answer)[0]),
                round(x, 2),
                round(width, 2),
            )
        )
        x += width
    # The smallest were widened, so everything is scaled back to the bar's length.
    scale = 100 / x if x else 1.0
    return [
        Share(
            one.answer, one.words, one.count, one.colour, round(one.x * scale, 2), round(one.width * scale, 2)
        )
        for one in found
    ]
