"""Remedies: for each reason an event was refused for, what to do about it, in plain words."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The first pattern that is found in the reason.
_REMEDIES: tuple[tuple[str, str | Promise], ...] = (
    (
        r"looks like milliseconds",
        _("The sender gives times in milliseconds. Let it divide them by 1000, then retry."),
    ),
    (
        r"^time ",
        _("Let the sender put UNIX seconds into “time”, as a number. Then let it send the events again."),
    ),
    (r"^id has", _("Let the sender use ids of at most 99 characters; longer ones Segment does not take.")),
    (
        r"^id ",
        _("Let the sender give every event an id of its own, as text. Then let it send the events again."),
    ),
    (r"^event_type", _("Let the sender name the event type, as Currents spells it.")),
    (
        r"not JSON|UTF-8|no number JSON",
        _("The sender writes broken JSON. Mend it there; these bytes cannot be read."),
    ),
    (
        r"nested too deeply",
        _("Let the sender flatten the event, or put its inner parts into one text field."),
    ),
    (
        r"The event has \d+ bytes",
        _("The event is too large to be kept. Leave out its largest fields at the sender."),
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
            "Segment takes calls of at most 32 KB. Shorten long texts in the message or its extras; then retry."
        ),
    ),
    (
        r"Segment answered 413",
        _("Segment found this event too large. Shorten long texts in the message or its extras; then retry."),
    ),
    (
        r"Segment answered 4\d\d",
        _("Segment will not have this event as it is. Compare a sample with what Segment says; then retry."),
    ),
    (r"cannot be read", _("The stored event is damaged. Let the sender send it again under a new id.")),
)
_OTHERWISE = _("Look at a sample; once the cause is mended, retry.")


def remedy(reason: str) -> str:
    for pattern, sentence in _REMEDIES:
        if re.search(pattern, reason):
            return str(sentence)
    return str(_OTHERWISE)
