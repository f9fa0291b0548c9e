"""Event types as they come in: which, since when, how many, whether they are known and exported, and what is odd about
their fields. Counts of events are exact; what is said of fields is told by the samples of the field census."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection

from connectors.catalogue.catalogue import CATALOGUE
from connectors.catalogue.event_type import EventType
from connectors.models import Connector, Workspace
from exporter import sql
from exporter.models import SeenField
from exporter.models.seen import Form
from exporter.reports import silent_types

NEW_FOR = timedelta(days=7)
DRIFT_SHOWN_FOR = timedelta(days=30)

_EXPECTED = {
    "string": Form.TEXT,
    "boolean": Form.TRUTH,
    "int": Form.WHOLE,
    "number": Form.WHOLE | Form.DECIMAL,
    "object": Form.OBJECT | Form.TEXT,
    "array of string": Form.LIST,
    "any": sum(Form),
}
_TYPES = """
SELECT t.event_type, t.count, t.last_received_at, s.first_seen_at, coalesce(s.examined, 0),
       (SELECT array_agg(f.field) FROM exporter_seenfield f
         WHERE f.workspace_id = t.workspace_id AND f.event_type = t.event_type),
       (SELECT count(*) FROM exporter_seenfield f
         WHERE f.workspace_id = t.workspace_id AND f.event_type = t.event_type AND f.drifted_at > %(drift)s)
  FROM exporter_receivedtotal t
  LEFT JOIN exporter_seentype s ON s.workspace_id = t.workspace_id AND s.event_type = t.event_type
 WHERE t.workspace_id = %(workspace)s ORDER BY t.count DESC, t.event_type
"""


class Standing(StrEnum):
    """What becomes of a type: `exported` (a connector chose it), `not_chosen`, `nameless` (Braze has not published its
    name in Segment), `no_segment_form` (Braze does not send it there), `unknown` to the catalogue."""

    EXPORTED = "exported"
    NOT_CHOSEN = "not_chosen"
    NAMELESS = "nameless"
    NO_SEGMENT_FORM = "no_segment_form"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TypeSeen:
    """One type of a workspace. `first_seen_at` is None until the census has looked; `silent` since when it stopped."""

    event_type: str
    known: EventType | None
    standing: Standing
    count: int
    first_seen_at: datetime | None
    last_received_at: datetime
    examined: int
    unknown_fields: int
    drifting_fields: int
    new: bool
    silent: datetime | None


class FieldSeen(NamedTuple):
    """One field of a type. `targets` are its places in the Segment call; `expected` is the catalogue's type, empty for
    a field it does not know; `odd` are the forms that are not of this type."""

    field: str
    targets: tuple[str, ...]
    expected: str
    personal: bool
    share: float
    forms: int
    odd: int
    first_seen_at: datetime
    last_seen_at: datetime
    drifted_at: datetime | None


def types_of(workspace: Workspace, at: datetime | None = None) -> list[TypeSeen]:
    """Every type the workspace has ever received, the most frequent first; three statements. What is new or silent is
    so at `at`, which is now if it is not given."""
    now = at or sql.clock()
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, {"workspace": workspace.pk, "drift": now - DRIFT_SHOWN_FOR})
        rows = cursor.fetchall()
    chosen: set[str] = set()
    for selected in Connector.objects.filter(workspace=workspace).values_list("selected_events", flat=True):
        chosen.update(selected)
    silences = silent_types.silent_among(workspace.pk, [row[0] for row in rows], now)
    silent = {silence.event_type: silence.since for silence in silences}
    oldest = min((row[3] for row in rows if row[3]), default=now)
    return [_type(row, chosen, silent, oldest, now) for row in rows]


def _type(
    row: tuple[Any, ...], chosen: set[str], silent: dict[str, datetime], oldest: datetime, now: datetime
) -> TypeSeen:
    name, count, last, first, examined, fields, drifting = row
    known = known_type(name)
    return TypeSeen(
        event_type=name,
        known=known,
        standing=standing(name, chosen),
        count=count,
        first_seen_at=first,
        last_received_at=last,
        examined=examined,
        unknown_fields=len(_unknown(known, fields or ())),
        drifting_fields=drifting,
        # What came on the workspace's first day is not new: everything was.
        new=first is not None and now - NEW_FOR < first <= now and first > oldest + timedelta(days=1),
        silent=silent.get(name),
    )


def known_type(name: str) -> EventType | None:
    nameless = {event.event_type: event for event in CATALOGUE.nameless}
    return CATALOGUE.by_name.get(name) or nameless.get(name)


def standing(name: str, chosen: set[str]) -> Standing:
    if name in chosen:
        return Standing.EXPORTED
    if name in CATALOGUE.by_name:
        return Standing.NOT_CHOSEN
    if name in CATALOGUE.without_segment_form:
        return Standing.NO_SEGMENT_FORM
    return Standing.NAMELESS if known_type(name) else Standing.UNKNOWN


def _unknown(known: EventType | None, fields: list[str] | tuple[()]) -> set[str]:
    """Fields the catalogue does not know, of a type it does."""
    return set() if known is None else set(fields) - known.fields - {"event_type"}


def fields_of(workspace: Workspace, event_type: str, examined: int) -> list[FieldSeen]:
    """The fields of a type, what is odd first, then by name."""
    known = known_type(event_type)
    rows = SeenField.objects.filter(workspace=workspace, event_type=event_type).exclude(field="event_type")
    found = [_field(row, known, examined) for row in rows]
    return sorted(found, key=lambda one: (not one.odd, bool(one.expected), one.field))


def odd_forms(known: EventType, field: str, forms: int) -> int:
    """Those of the forms that Braze does not describe; a null says nothing and is never odd."""
    return forms & ~_EXPECTED.get(known.type_of(field), sum(Form)) & ~Form.NULL


def _field(row: SeenField, known: EventType | None, examined: int) -> FieldSeen:
    expected = "" if known is None else known.type_of(row.field)
    odd = 0 if known is None else odd_forms(known, row.field, row.forms)
    return FieldSeen(
        row.field,
        () if known is None else known.places_of(row.field),
        expected,
        known is not None and row.field in known.pii,
        row.examined / max(examined, row.examined),
        row.forms,
        odd,
        row.first_seen_at,
        row.last_seen_at,
        row.drifted_at,
    )
