"""The field census: which types and fields come in, in which forms, told from samples of the log.

It reads what is stored already, so the intake does not wait for it. A look at a workspace opens a few batches, chosen
so that every type among the new events is in one of them, and examines some events of each type. Counts of events by
type are exact and stand elsewhere (`ReceivedTotal`); what the census counts are examined events.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from django.db import connection

from exporter import sql
from exporter.dispatch.shutdown import stopping
from exporter.log import event_log, own_id, unpacking
from exporter.log.event_log import Header
from exporter.models.seen import Form

# A look at one workspace: so many headers, so many payloads (1 MB each at most), so many events of a type.
HEADERS = 2_000
PAYLOADS = 12
EVENTS = 40
LONGEST_SECONDS = 10.0
LOOK_EVERY_SECONDS = 300
# Fields of one event, and names kept for a workspace, so that nobody's mistake fills the tables with names.
MOST_TYPES = 1_000
MOST_FIELDS = 200
LONGEST_NAME = 200
# Seen so often in one form, a field is expected to have no other.
SETTLED = 100

_decode = msgspec.json.Decoder().decode

_DUE = """
SELECT l.workspace_id, coalesce(c.next_event, m.first_event), l.next_event
  FROM exporter_eventlog l JOIN exporter_logmark m USING (workspace_id)
  LEFT JOIN exporter_fieldcensus c USING (workspace_id)
 WHERE l.next_event > coalesce(c.next_event, 0)
   AND (c.looked_at IS NULL OR c.looked_at < clock_timestamp() - make_interval(secs => %(every)s))
 ORDER BY c.looked_at NULLS FIRST LIMIT 1000
"""
_LOOKED = """
INSERT INTO exporter_fieldcensus AS old (workspace_id, next_event, looked_at)
VALUES (%(workspace)s, %(next)s, clock_timestamp())
ON CONFLICT (workspace_id) DO UPDATE SET next_event = greatest(old.next_event, excluded.next_event),
  looked_at = excluded.looked_at
"""
_TYPES = """
INSERT INTO exporter_seentype AS old (workspace_id, event_type, examined, first_seen_at, last_seen_at)
SELECT %(workspace)s, t, n, f, l
  FROM unnest(%(types)s::text[], %(examined)s::bigint[], %(first)s::timestamptz[], %(last)s::timestamptz[])
    AS s(t, n, f, l)
 WHERE EXISTS (SELECT 1 FROM exporter_seentype k WHERE k.workspace_id = %(workspace)s AND k.event_type = t)
    OR (SELECT count(*) FROM exporter_seentype k WHERE k.workspace_id = %(workspace)s) < %(most)s
 ORDER BY t
ON CONFLICT (workspace_id, event_type) DO UPDATE SET examined = old.examined + excluded.examined,
  last_seen_at = greatest(old.last_seen_at, excluded.last_seen_at)
"""
_FIELDS = """
INSERT INTO exporter_seenfield AS old
  (workspace_id, event_type, field, examined, forms, first_seen_at, last_seen_at)
SELECT %(workspace)s, t, f, n, b, %(at)s, %(at)s
  FROM unnest(%(types)s::text[], %(fields)s::text[], %(examined)s::bigint[], %(forms)s::smallint[])
    AS s(t, f, n, b)
 WHERE EXISTS (SELECT 1 FROM exporter_seentype k WHERE k.workspace_id = %(workspace)s AND k.event_type = t)
   AND (EXISTS (SELECT 1 FROM exporter_seenfield k
                 WHERE k.workspace_id = %(workspace)s AND k.event_type = t AND k.field = f)
     OR (SELECT count(*) FROM exporter_seenfield k
          WHERE k.workspace_id = %(workspace)s AND k.event_type = t) < %(most)s)
 ORDER BY t, f
ON CONFLICT (workspace_id, event_type, field) DO UPDATE SET examined = old.examined + excluded.examined,
  forms = old.forms | excluded.forms, last_seen_at = excluded.last_seen_at,
  drifted_at = CASE WHEN (excluded.forms & ~old.forms & ~CASE WHEN old.forms & %(numbers)s <> 0
                                                              THEN %(numbers)s ELSE 0 END) <> 0
                         AND old.examined >= %(settled)s
                    THEN excluded.last_seen_at ELSE old.drifted_at END
"""


@dataclass(slots=True)
class _Look:
    """What one look at a workspace found."""

    examined: Counter[str] = field(default_factory=Counter)
    first: dict[str, datetime] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    forms: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, header: Header) -> None:
        for name in header.type_counts:
            self.first.setdefault(name, header.received_at)
            self.last[name] = header.received_at

    def examine(self, header: Header, payload: bytes) -> None:
        for line in unpacking.lines(payload):
            event = _decode(line)
            name = event["event_type"]
            # A type whose name is not kept stands in the header as another; its fields are not kept either.
            if name not in header.type_counts or self.examined[name] >= EVENTS:
                continue
            self.examined[name] += 1
            for key, value in islice(event.items(), MOST_FIELDS):
                if len(key) <= LONGEST_NAME and "\x00" not in key and key != own_id.FIELD:
                    self.fields[name, key] += 1
                    self.forms[name, key] = self.forms.get((name, key), 0) | form_of(value)


def form_of(value: Any) -> Form:
    match value:
        case None:
            return Form.NULL
        case bool():
            return Form.TRUTH
        case int():
            return Form.WHOLE
        case float():
            return Form.DECIMAL
        case str():
            return Form.TEXT
        case list():
            return Form.LIST
    return Form.OBJECT


def look_at_all() -> int:
    """Looks at the workspaces whose turn it is, longest unseen first, and returns how many."""
    until, looked = time.monotonic() + LONGEST_SECONDS, 0
    for workspace_id, start, head in sql.execute(_DUE, {"every": LOOK_EVERY_SECONDS}):
        if time.monotonic() > until or stopping.is_set():
            break
        look_at(workspace_id, start, head)
        looked += 1
    return looked


def look_at(workspace_id: int, start: int, head: int) -> None:
    """Examines a sample of the events `start` to `head` (exclusive) and notes what it found."""
    headers = [one for one in event_log.headers(workspace_id, start, HEADERS) if one.first_event < head]
    look = _Look()
    for header in headers:
        look.note(header)
    chosen = _choose(headers)
    payloads = event_log.payloads([header.id for header in chosen])
    for header in chosen:
        if payload := payloads.get(header.id):
            look.examine(header, payload)
    _write(workspace_id, look, headers[-1].end_event if len(headers) == HEADERS else head)


def _choose(headers: Sequence[Header]) -> list[Header]:
    """Batches that together hold every type, as far as the limit goes; the rest of the room goes to the newest."""
    chosen: dict[int, Header] = {}
    covered: set[str] = set()
    for header in sorted(headers, key=lambda one: -len(one.type_counts)):
        if len(chosen) == PAYLOADS:
            break
        if header.type_counts.keys() - covered:
            chosen[header.id] = header
            covered |= header.type_counts.keys()
    for header in reversed(headers):
        if len(chosen) == PAYLOADS:
            break
        chosen[header.id] = header
    return sorted(chosen.values(), key=lambda one: one.first_event)


def _write(workspace_id: int, look: _Look, upto: int) -> None:
    types = list(look.first)
    fields = list(look.fields)
    with connection.cursor() as cursor:
        if types:
            cursor.execute(
                _TYPES,
                {
                    "workspace": workspace_id,
                    "types": types,
                    "examined": [look.examined[name] for name in types],
                    "first": [look.first[name] for name in types],
                    "last": [look.last[name] for name in types],
                    "most": MOST_TYPES,
                },
            )
        if fields:
            cursor.execute(
                _FIELDS,
                {
                    "workspace": workspace_id,
                    "types": [name for name, _field in fields],
                    "fields": [key for _name, key in fields],
                    "examined": [look.fields[one] for one in fields],
                    "forms": [look.forms[one] for one in fields],
                    "at": max(look.last.values()),
                    "most": MOST_FIELDS,
                    "settled": SETTLED,
                    # A number with decimals among whole ones is no other form.
                    "numbers": Form.WHOLE | Form.DECIMAL,
                },
            )
        cursor.execute(_LOOKED, {"workspace": workspace_id, "next": upto})


def forms(bits: int) -> Iterable[Form]:
    """The forms whose bits are set, in the order of `Form`."""
    return [form for form in Form if bits & form]
