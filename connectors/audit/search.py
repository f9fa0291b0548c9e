"""Searching the audit log: the entries a workspace may see, filtered."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connectors.audit import words
from connectors.audit.actions import AuditAction
from connectors.models import AuditEntry, Workspace
from connectors.web.csv_cells import plain
from connectors.web.folding import folded

PAGE = 50
CHUNK = 1_000


class SearchForm(forms.Form):
    """The filter of a search. Every field is optional; values that make no sense are ignored."""

    q = forms.CharField(label=gettext_lazy("Search"), required=False, max_length=200)
    action = forms.ChoiceField(
        label=gettext_lazy("Action"),
        required=False,
        choices=[("", gettext_lazy("All")), *AuditAction.choices],
    )
    person = forms.CharField(label=gettext_lazy("Person"), required=False, max_length=254)
    since = forms.DateField(label=gettext_lazy("From"), required=False)
    until = forms.DateField(label=gettext_lazy("To"), required=False)


def of_workspace(workspace: Workspace) -> QuerySet[AuditEntry]:
    """What happened in a workspace, and the sign-ins of people who were members at the time."""
    return AuditEntry.objects.filter(Q(workspace=workspace) | Q(seen_in__contains=[workspace.pk]))


def of_no_workspace() -> QuerySet[AuditEntry]:
    """Entries that no workspace sees, above all refused sign-ins of unknown addresses."""
    return AuditEntry.objects.filter(workspace=None, seen_in=[])


def people(entries: QuerySet[AuditEntry]) -> list[str]:
    """The addresses that appear, for the filter."""
    found = entries.exclude(actor_email="").order_by("actor_email").values_list("actor_email", flat=True)
    return list(found.distinct()[:200])


def search(entries: QuerySet[AuditEntry], form: SearchForm) -> QuerySet[AuditEntry]:
    """The matching entries, newest first."""
    form.is_valid()
    wanted: dict[str, Any] = form.cleaned_data
    for word in wanted.get("q", "").split():
        entries = entries.filter(_has(word))
    if wanted.get("action"):
        entries = entries.filter(action=wanted["action"])
    if wanted.get("person"):
        entries = entries.filter(actor_email__iexact=wanted["person"])
    if wanted.get("since"):
        entries = entries.filter(at__gte=_midnight(wanted["since"]))
    if wanted.get("until") and wanted["until"] < date.max:
        entries = entries.filter(at__lt=_midnight(wanted["until"] + timedelta(days=1)))
    return entries.order_by("-at", "-pk")


def _has(word: str) -> Q:
    plain = word.replace("\x00", "")
    said = folded(plain)
    named = [action for action in AuditAction if said and said in folded(str(action.label))]
    return (
        Q(target__icontains=plain)
        | Q(actor_email__icontains=plain)
        | Q(action__in=named)
        | Q(before__icontains=plain)
        | Q(after__icontains=plain)
        | Q(address__startswith=plain)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def as_csv(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """The entries as CSV, in pieces, in the words of the page; the last column holds an action's code, which never
    changes. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    yield _lines([[_("When (UTC)"), _("Who"), _("From"), _("What"), _("About"), _("Changes"), _("Code")]])
    place: tuple[datetime, int] | None = None
    while True:
        rest = entries
        if place is not None:
            rest = rest.filter(Q(at__lt=place[0]) | Q(at=place[0], pk__lt=place[1]))
        chunk = list(rest[:CHUNK])
        if not chunk:
            return
        yield _lines([_cells(entry) for entry in chunk])
        place = (chunk[-1].at, chunk[-1].pk)


def _cells(entry: AuditEntry) -> list[str]:
    said = "; ".join(
        f"{change.field}: {change.before} → {change.after}"
        if change.before
        else f"{change.field}: {change.after}"
        for change in words.changes(entry)
    )
    when = entry.at.astimezone(UTC).isoformat(timespec="seconds")
    action = AuditAction(entry.action)
    return [when, entry.actor_email, entry.address or "", str(action.label), entry.target, said, action.value]


def _lines(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([[plain(cell) for cell in row] for row in rows])
    return out.getvalue()
