"""Events that Segment rejected (of a connector) or the intake refused (of a workspace), and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from connectors.models import Connector, Workspace
from exporter.log import lookup
from exporter.models import Kind, RejectedEvent
from exporter.reports import masking

SAMPLES = 10
MOST_GROUPS = 50
# Rows of a download read at a time.
_SLICE = 500


@dataclass(frozen=True, slots=True)
class Sample:
    """A rejected or refused event; `event` is None if its bytes were trimmed with the log."""

    id: int
    at: datetime
    event_number: int | None
    event_type: str
    event: dict[str, Any] | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Events with the same reason; reasons that differ only in their numbers count as the same."""

    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    samples: list[Sample]


class Progress(NamedTuple):
    """A retry: how many events it set out to send, and how it stands. `tried` of `span` numbers are passed."""

    delivery_id: int
    created_at: datetime
    finished: bool
    passed: int
    span: int
    delivered: int
    refused: int
    failing_since: datetime | None
    next_attempt_at: datetime | None


_GROUPS = """
WITH refused AS (
    SELECT id, reason, at, event_number, event_type, event, cut,
           regexp_replace(reason, '[0-9]+', '0', 'g') AS alike
      FROM exporter_rejectedevent
     WHERE CASE WHEN %(connector)s::bigint IS NULL THEN workspace_id = %(workspace)s AND connector_id IS NULL
                ELSE connector_id = %(connector)s::bigint END
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY alike ORDER BY id DESC) AS place, count(*) OVER same AS together,
           min(at) OVER same AS first_at, max(at) OVER same AS last_at
      FROM refused WINDOW same AS (PARTITION BY alike)
), groups AS (
    SELECT alike FROM placed WHERE place = 1 ORDER BY together DESC, alike LIMIT %(groups)s
)
SELECT alike, reason, together, first_at, last_at, id, at, event_number, event_type, event, cut
  FROM placed JOIN groups USING (alike) WHERE place <= %(samples)s
 ORDER BY together DESC, alike, place
"""


def groups(connector: Connector, *, personal: bool) -> list[Group]:
    """What Segment rejected from a connector, largest group first; unless `personal`, personal data is masked."""
    return _groups(connector.workspace_id, connector.pk, personal=personal)


def refused_groups(workspace: Workspace, *, personal: bool) -> list[Group]:
    """What the intake refused in a workspace."""
    return _groups(workspace.pk, None, personal=personal)


def count(connector: Connector) -> int:
    return RejectedEvent.objects.filter(connector=connector).count()


class NotSent(NamedTuple):
    """Of the events counted as rejected: those that never left, such as calls over 32 KB; `kept` is how many can
    still be told apart, for their rows go with the log."""

    events: int
    kept: int


# What Segment refused has its answer as the reason; everything else was judged here, before it was sent.
_NOT_SENT = """
SELECT count(*) FILTER (WHERE r.reason NOT LIKE %(answered)s), count(*)
  FROM exporter_rejectedevent r
  JOIN LATERAL (
       SELECT b.received_at FROM exporter_eventbatch b
        WHERE b.workspace_id = r.workspace_id AND b.end_event > r.event_number
        ORDER BY b.end_event LIMIT 1) batch ON batch.received_at >= %(since)s
 WHERE r.connector_id = %(connector)s
"""


def not_sent(connector: Connector, since: datetime) -> NotSent:
    """Of the events received since then."""
    terms: dict[str, Any] = {"connector": connector.pk, "since": since, "answered": "Segment answered %"}
    with connection.cursor() as cursor:
        cursor.execute(_NOT_SENT, terms)
        return NotSent(*cursor.fetchone())


def _groups(workspace_id: int, connector_id: int | None, *, personal: bool) -> list[Group]:
    terms = {
        "workspace": workspace_id,
        "connector": connector_id,
        "groups": MOST_GROUPS,
        "samples": SAMPLES,
    }
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, terms)
        rows = cursor.fetchall()
    lines = lookup.read(workspace_id, [row[7] for row in rows if row[7] is not None])
    found: dict[str, Group] = {}
    for alike, reason, together, first_at, last_at, key, at, number, event_type, event, cut in rows:
        if alike not in found:
            found[alike] = Group(reason, together, first_at, last_at, [])
        raw = _bytes(lines, number, event)
        shown = None if raw is None else masking.shown(raw, personal=personal)
        found[alike].samples.append(Sample(key, at, number, event_type, shown, cut))
    return list(found.values())


def _bytes(lines: dict[int, lookup.Retained], number: int | None, event: bytes | memoryview) -> bytes | None:
    if number is None:
        return bytes(event)
    kept = lines.get(number)
    return kept.line if kept else None


def download(workspace_id: int, connector: Connector | None) -> Iterator[bytes]:
    """All rejected or refused events as NDJSON, newest first: `reason`, `at`, `event_number`, `event`.

    `event` is null if its bytes are no longer kept, and text if it is not a JSON object. Only for people who may see
    personal data.
    """
    last: int | None = None
    while True:
        rows = RejectedEvent.objects.filter(workspace_id=workspace_id, connector=connector).order_by("-pk")
        page = list((rows if last is None else rows.filter(pk__lt=last))[:_SLICE])
        if not page:
            return
        last = page[-1].pk
        lines = lookup.read(workspace_id, [row.event_number for row in page if row.event_number is not None])
        yield b"".join(_line(row, _bytes(lines, row.event_number, row.event)) for row in page)


def downloadable(workspace_id: int, connector: Connector | None) -> int:
    """How many events a download holds."""
    return RejectedEvent.objects.filter(workspace_id=workspace_id, connector=connector).count()


def _line(row: RejectedEvent, raw: bytes | None) -> bytes:
    event: Any = None
    if raw is not None:
        event = masking.shown(raw, personal=True)
        event = event["raw"] if event.keys() == {"raw"} else event
    told = {"reason": row.reason, "at": row.at.isoformat(), "event_number": row.event_number, "event": event}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def progress(connector: Connector) -> Progress | None:
    """The connector's latest retry; None if there never was one."""
    delivery = connector.deliveries.filter(kind=Kind.RETRY).order_by("-pk").first()
    if delivery is None or delivery.stop is None:
        return None
    counts: dict[str, int] = {}
    for outcome, number in delivery.deliverytotal_set.values_list("outcome", "count"):
        counts[outcome] = counts.get(outcome, 0) + number
    return Progress(
        delivery.pk,
        delivery.created_at,
        delivery.cursor >= delivery.stop,
        delivery.cursor - delivery.start,
        delivery.stop - delivery.start,
        counts.get("delivered", 0),
        counts.get("rejected", 0),
        delivery.failing_since,
        delivery.next_attempt_at,
    )
