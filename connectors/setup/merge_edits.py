"""What differs between two states of a connector's settings, in words, and how the edits of two people are merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from connectors.web.list_words import listed

LABELS = {
    "name": gettext_lazy("name"),
    "contact_email": gettext_lazy("contact"),
    "language": gettext_lazy("language of mails"),
    "weekly_mail": gettext_lazy("weekly mail"),
    "selected_events": gettext_lazy("events"),
    "include_anonymous": gettext_lazy("anonymous users"),
}
_SALT = "connectors.setup.merge_edits"


@dataclass(frozen=True, slots=True)
class EditDifference:
    """A field that somebody changed in the meantime: its present value, and the one the form will save."""

    label: str
    now: str
    yours: str


def remember(values: dict[str, Any]) -> str:
    """The state a form was made from, as signed text for a hidden field."""
    return signing.dumps(values, salt=_SALT, compress=True)


def recall(text: str) -> dict[str, Any] | None:
    """What `remember` wrote; None for anything else."""
    try:
        found = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        return None
    return found if isinstance(found, dict) else None


def merge(seen: dict[str, Any], now: dict[str, Any], typed: dict[str, Any]) -> dict[str, Any]:
    """Applies what somebody typed to the present state: fields they left alone keep the other person's change, and
    events are merged one by one."""
    merged = {name: now[name] if typed[name] == seen[name] else typed[name] for name in typed}
    added = set(typed["selected_events"]) - set(seen["selected_events"])
    removed = set(seen["selected_events"]) - set(typed["selected_events"])
    merged["selected_events"] = sorted((set(now["selected_events"]) | added) - removed)
    return merged


def names(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The labels of the fields that differ."""
    return [str(label) for name, label in LABELS.items() if before[name] != after[name]]


def differences(before: dict[str, Any], now: dict[str, Any], yours: dict[str, Any]) -> list[EditDifference]:
    return [
        EditDifference(str(label), _shown(name, before, now), _shown(name, now, yours) or _("the same"))
        for name, label in LABELS.items()
        if before[name] != now[name]
    ]


def summary(before: dict[str, Any], after: dict[str, Any]) -> str:
    """`3 events added, 1 removed, contact changed`; empty where nothing differs."""
    old, new = set(before["selected_events"]), set(after["selected_events"])
    parts = []
    if added := len(new - old):
        parts.append(ngettext("%(n)s event added", "%(n)s events added", added) % {"n": added})
    if removed := len(old - new):
        parts.append(ngettext("%(n)s event removed", "%(n)s events removed", removed) % {"n": removed})
    rest = [name for name in LABELS if name != "selected_events" and before[name] != after[name]]
    parts += [_("%(field)s changed") % {"field": LABELS[name]} for name in rest]
    return listed(parts)


def _shown(name: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    if name == "selected_events":
        return summary(before | {"selected_events": before[name]}, before | {"selected_events": after[name]})
    if before[name] == after[name]:
        return ""
    if name == "include_anonymous":
        return _("included") if after[name] else _("not included")
    if name == "weekly_mail":
        return _("yes") if after[name] else _("no")
    if name == "language":
        return str(dict(settings.LANGUAGES).get(after[name], after[name]))
    return str(after[name])
