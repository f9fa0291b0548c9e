"""Replays in words: states, outcomes one can ask for, how long it will take."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.web.time_words import MINUTE, duration
from exporter.delivery.replay_reader import EVERYTHING
from exporter.display import outcome_words
from exporter.ledger.outcomes import Outcome
from exporter.models import ReplayState

# The order people are asked in: first what was lost.
_ASKED = (
    Outcome.EXPIRED,
    Outcome.REJECTED,
    Outcome.DELIVERED,
    Outcome.UNSELECTED,
    Outcome.ANONYMOUS,
    Outcome.UNSUPPORTED,
)
_SIGNS = {
    ReplayState.WAITING: ("outline", "clock"),
    ReplayState.RUNNING: ("accent", "catching-up"),
    ReplayState.PAUSED: ("", "pause"),
    ReplayState.DONE: ("ok", "tick-circle"),
    ReplayState.CANCELLED: ("", "cross"),
    ReplayState.FAILED: ("bad", "octagon"),
}


@dataclass(frozen=True, slots=True)
class StateSign:
    word: str
    colour: str
    icon: str


def sign_of(state: str) -> StateSign:
    one = ReplayState(state)
    return StateSign(str(one.label), *_SIGNS[one])


def outcome_choices() -> list[tuple[str, str | Promise]]:
    """The outcomes a replay can be asked for, as a form's choices."""
    named = [(outcome.value, outcome_words.sign_of(outcome).word) for outcome in _ASKED]
    return [*named, (EVERYTHING, gettext_lazy("Everything"))]


def outcome_word(outcome: str) -> str:
    return str(dict(outcome_choices()).get(outcome, outcome))


def estimate(events: int, rate: int | None) -> str:
    """How long so many events will take."""
    if rate is None:
        return _("As fast as Segment answers.")
    seconds = events / rate
    if seconds < MINUTE:
        return _("Less than a minute at %(rate)s events a second.") % {
            "rate": number_format(rate, force_grouping=True)
        }
    return _("About %(span)s at %(rate)s events a second.") % {
        "span": duration(seconds),
        "rate": number_format(rate, force_grouping=True),
    }
