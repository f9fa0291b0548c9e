"""Remedies: what to do about each reason for which events are rejected or refused, in plain words."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The first pattern found in the reason applies.
_REMEDIES: tuple[tuple[str, str | Promise], ...] = (
    (
        r"looks like milliseconds",
        _("The sender gives times in milliseconds. Make it send seconds instead, then retry."),
    ),
    (
        r"^time ",
        _("“time” must be a number of UNIX seconds. Correct the sender, then have it send the events again."),
    ),
    (r"^id has", _("Segment takes ids of at most 99 characters. Make the sender use shorter ones.")),
    (
        r"^id ",
        _(
            "Every event needs an id of its own, as text. Correct the sender, then have it send the events again."
        ),
    ),
    (r"^event_type", _("Make the sender name the event type as Currents spells it.")),
    (
        r"not JSON|UTF-8|not a number that JSON",
        _("The sender writes broken JSON. Correct it there; these bytes cannot be read."),
    ),
    (
        r"nested too deeply",
        _("Make the sender flatten the event or put its inner parts into one text field."),
    ),
    (
        r"The event has \d+ bytes",
        _("The event is too large to be stored. Make the sender leave out its largest fields."),
    ),
    (
        r"neither external_user_id nor user_id",
        _("Let the sender put a user into the event, or leave out anonymous users on the connector’s page."),
    ),
    (
        r"user_id is no text",
        _("Let the sender put the user’s id into the event as text."),
    ),
    (
        r"The Segment call has \d+ bytes",
        _(
            "Segment takes calls of at most 32 KB. Shorten long texts in the message or its extras, then retry."
        ),
    ),
    (
        r"Segment answered 413",
        _("Segment found this event too large. Shorten long texts in the message or its extras, then retry."),
    ),
    (
        r"Segment answered 4\d\d",
        _("Segment does not accept this event as it is. Compare a sample with Segment’s answer, then retry."),
    ),
    (r"cannot be read", _("The stored event is damaged. Have the sender send it again with a new id.")),
)
_OTHERWISE = _("Look at a sample, remove the cause, then retry.")


def remedy(reason: str) -> str:
    for pattern, sentence in _REMEDIES:
        if re.search(pattern, reason):
            return str(sentence)
    return str(_OTHERWISE)
