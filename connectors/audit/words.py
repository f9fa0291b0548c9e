"""The audit log in words: the label of each action, and what an entry says changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from connectors.models import AuditEntry
from connectors.web.list_words import listed

FIELDS: dict[str, Any] = {
    "name": gettext_lazy("name"),
    "contact_email": gettext_lazy("contact"),
    "language": gettext_lazy("language of mails"),
    "weekly_mail": gettext_lazy("weekly mail"),
    "region": gettext_lazy("region"),
    "selected_events": gettext_lazy("events"),
    "include_anonymous": gettext_lazy("anonymous users"),
    "state": gettext_lazy("state"),
    "write_key": gettext_lazy("write key"),
    "pending": gettext_lazy("waiting events"),
    "events": gettext_lazy("events"),
    "objects": gettext_lazy("objects"),
    "bytes": gettext_lazy("bytes"),
    "connector": gettext_lazy("connector"),
    "from": gettext_lazy("begins"),
    "day": gettext_lazy("day"),
    "rejected": gettext_lazy("rejected"),
    "sent": gettext_lazy("sent"),
    "accepted": gettext_lazy("accepted"),
    "key_reminder_on": gettext_lazy("reminder"),
    "prefix": gettext_lazy("token"),
    "scopes": pgettext_lazy("of a token", "may"),
    "former_ends_at": gettext_lazy("old token ends"),
    "email": gettext_lazy("address"),
    "address": gettext_lazy("address"),
    "role": gettext_lazy("role"),
    "ends_at": gettext_lazy("ends"),
    "slug": gettext_lazy("short name"),
    "admin": gettext_lazy("admin"),
    "required": gettext_lazy("required"),
    "since": gettext_lazy("received from"),
    "until": gettext_lazy("received until"),
    "rate": gettext_lazy("events a second"),
    "kept_hours": gettext_lazy("hours kept"),
    "how": gettext_lazy("how"),
    "why": gettext_lazy("why"),
    "delivery": gettext_lazy("delivery"),
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field; `before` is empty where it was not there."""

    field: str
    before: str
    after: str


def changes(entry: AuditEntry) -> list[FieldChange]:
    """What an entry says changed, in the order it was recorded."""
    names = dict.fromkeys([*entry.before, *entry.after])
    return [_change(name, entry.before, entry.after) for name in names]


def _change(name: str, before: dict[str, Any], after: dict[str, Any]) -> FieldChange:
    field = str(FIELDS.get(name, name))
    if name == "selected_events" and name in before and name in after:
        added, removed = set(after[name]) - set(before[name]), set(before[name]) - set(after[name])
        parts = [f"+ {event}" for event in sorted(added)] + [f"− {event}" for event in sorted(removed)]
        return FieldChange(field, "", listed(parts))
    return FieldChange(field, _shown(before.get(name)), _shown(after.get(name)))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        if len(value) > 6:
            return ngettext("%(n)s entry", "%(n)s entries", len(value)) % {"n": len(value)}
        return listed(value)
    return str(value)
