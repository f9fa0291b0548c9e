"""What became of an event, for people: a word, what it means, a colour and an icon."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class OutcomeSign:
    word: str | Promise
    meaning: str | Promise
    colour: str
    icon: str


_SIGNS = {
    "delivered": OutcomeSign(
        _("Accepted by Segment"),
        _("What the tools behind Segment did with it is shown in Segment."),
        "good",
        "tick-circle",
    ),
    "unselected": OutcomeSign(
        _("Not selected"),
        _("The connector did not export this type at the time."),
        "quiet",
        "minus-circle",
    ),
    "anonymous": OutcomeSign(
        _("No external user ID"),
        _("The connector leaves out events from anonymous users."),
        "quiet",
        "minus-circle",
    ),
    "unsupported": OutcomeSign(
        _("Unsupported type"),
        _("Braze does not send this type of event to Segment."),
        "quiet",
        "minus-circle",
    ),
    "rejected": OutcomeSign(
        _("Rejected"),
        _("Segment rejected it but accepted its neighbours, or would have dropped it, so it was not sent."),
        "trouble",
        "minus-circle",
    ),
    "expired": OutcomeSign(
        _("Expired"),
        _("It could not be delivered in time. A replay can send it while the log keeps it."),
        "trouble",
        "triangle",
    ),
    "pending": OutcomeSign(
        _("Waiting"),
        _("Its turn has not come yet, or Segment has not accepted it so far."),
        "caution",
        "clock",
    ),
    "earlier": OutcomeSign(
        _("Before the launch"), _("It was received before this connector was launched."), "quiet", "dashed"
    ),
}


def sign_of(outcome: str) -> OutcomeSign:
    return _SIGNS[outcome]
