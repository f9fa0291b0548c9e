"""Events that Segment rejected (of a connector) or the intake refused (of a workspace), and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Subquery, Sum
from django.db.models.functions import Coalesce

from connectors.models import Connector, Workspace
from exporter.destinations.rejection_reasons import ANSWERED, UNREADABLE
from exporter.destinations.segment.drops import TOO_LARGE
from exporter.ledger.outcomes import Outcome
from exporter.log import lookup
from exporter.models import DeliveryKind, LogMark, RejectedEvent
from exporter.models.counts import DeliveryTotal
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
class RejectedGroup:
    """Events with the same reason; reasons that differ only in their numbers count as the same. `newest` are keys of
    rows."""

    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    newest: list[int]


class RetryProgress(NamedTuple):
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
    stopped: str


# Classified are the newest rows alone, so that a page costs the same however many there are.
MOST_CLASSIFIED = 10_000

_GROUPS = """
WITH newest AS (
    SELECT id, reason, at, regexp_replace(reason, '[0-9]+', '0', 'g') AS alike
      FROM exporter_rejectedevent WHERE {whose} ORDER BY id DESC LIMIT %(most)s
)
SELECT (array_agg(reason ORDER BY id DESC))[1], count(*), min(at), max(at),
       (array_agg(id ORDER BY id DESC))[:%(samples)s]
  FROM newest GROUP BY alike ORDER BY count(*) DESC, alike LIMIT %(groups)s
"""
_NEWEST = "SELECT max(id), min(id) FROM exporter_rejectedevent WHERE {whose}"
_OF_CONNECTOR = "connector_id = %(key)s"
_OF_INTAKE = "workspace_id = %(key)s AND connector_id IS NULL"


def is_rejected(connector: Connector, number: int) -> bool:
    return RejectedEvent.objects.filter(connector=connector, event_number=number).exists()


def groups(connector: Connector) -> list[RejectedGroup]:
    """What Segment refused of a connector, the largest group first."""
    return _groups(_OF_CONNECTOR, connector.pk)


def refused_groups(workspace: Workspace) -> list[RejectedGroup]:
    """What the intake refused of a workspace."""
    return _groups(_OF_INTAKE, workspace.pk)


def edges(connector: Connector | None, workspace: Workspace) -> str:
    """Differs where the rows of a page may; costs two looks into an index."""
    whose, key = (_OF_CONNECTOR, connector.pk) if connector else (_OF_INTAKE, workspace.pk)
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST.format(whose=whose), {"key": key})
        return "-".join(str(one) for one in cursor.fetchone())


def count(connector: Connector) -> int:
    return RejectedEvent.objects.filter(connector=connector).count()


def can_be_sent(connector: Connector) -> bool:
    """Whether the log still holds one of them: their reasons are kept for longer."""
    mark = LogMark.objects.filter(workspace_id=connector.workspace_id).values("first_event")
    kept = RejectedEvent.objects.filter(connector=connector, event_number__gte=Coalesce(Subquery(mark), 0))
    return kept.exists()


def counted(connector: Connector) -> int:
    """Rejected events of the ledger, those included whose reasons are kept no longer."""
    totals = DeliveryTotal.objects.filter(
        delivery__connector=connector, delivery__kind=DeliveryKind.LIVE, outcome=Outcome.REJECTED
    )
    found: int = totals.aggregate(events=Coalesce(Sum("count"), 0))["events"]
    return found


class NotSent(NamedTuple):
    """Of the events of a type, received within a unit of the window and counted as rejected: those that never left.
    `too_large` are calls over 32 KB, `would_be_dropped` what Segment accepts and throws away; `kept` is how many can
    still be told apart, for their rows go with the log, and a damaged range has one row that says nothing of each."""

    event_type: str
    unit: datetime
    too_large: int
    would_be_dropped: int
    kept: int


# What Segment refused has its answer as the reason; everything else was judged here, before it was sent.
_NOT_SENT = """
SELECT r.event_type, date_bin(%(unit)s, batch.received_at, to_timestamp(0)),
       count(*) FILTER (WHERE r.reason LIKE %(large)s),
       count(*) FILTER (WHERE r.reason NOT LIKE %(answered)s AND r.reason NOT LIKE %(large)s), count(*)
  FROM exporter_rejectedevent r
  JOIN LATERAL (
       SELECT b.received_at FROM exporter_eventbatch b
        WHERE b.workspace_id = r.workspace_id AND b.end_event > r.event_number
        ORDER BY b.end_event LIMIT 1) batch ON batch.received_at >= %(since)s
 WHERE r.connector_id = %(connector)s AND r.reason NOT LIKE %(damaged)s
 GROUP BY 1, 2
"""


def not_sent(connector: Connector, since: datetime, unit: timedelta) -> list[NotSent]:
    """Of the events received since then, by units that are counted from the epoch on."""
    terms: dict[str, Any] = {"connector": connector.pk, "since": since, "unit": unit}
    terms |= {"answered": f"{ANSWERED}%", "large": f"{TOO_LARGE}%", "damaged": f"{UNREADABLE}%"}
    with connection.cursor() as cursor:
        cursor.execute(_NOT_SENT, terms)
        return [NotSent(*row) for row in cursor.fetchall()]


def _groups(whose: str, key: int) -> list[RejectedGroup]:
    terms = {"key": key, "most": MOST_CLASSIFIED, "groups": MOST_GROUPS, "samples": SAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS.format(whose=whose), terms)
        return [RejectedGroup(*row) for row in cursor.fetchall()]


def samples(workspace_id: int, group: RejectedGroup, *, personal: bool) -> list[Sample]:
    """The newest events of a group; `personal` tells whether personal data may be seen."""
    rows = RejectedEvent.objects.filter(workspace_id=workspace_id, pk__in=group.newest).order_by("-pk")
    lines = lookup.read(workspace_id, [row.event_number for row in rows if row.event_number is not None])
    found = []
    for row in rows:
        raw = _bytes(lines, row.event_number, row.event)
        shown = None if raw is None else masking.shown(raw, personal=personal)
        found.append(Sample(row.pk, row.at, row.event_number, row.event_type, shown, row.cut))
    return found


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


def progress(connector: Connector) -> RetryProgress | None:
    """The connector's latest retry; None if there never was one."""
    delivery = connector.deliveries.filter(kind=DeliveryKind.RETRY).order_by("-pk").first()
    if delivery is None or delivery.stop is None:
        return None
    counts: dict[str, int] = {}
    for outcome, number in delivery.deliverytotal_set.values_list("outcome", "count"):
        counts[outcome] = counts.get(outcome, 0) + number
    return RetryProgress(
        delivery.pk,
        delivery.created_at,
        delivery.cursor >= delivery.stop,
        delivery.cursor - delivery.start,
        delivery.stop - delivery.start,
        counts.get("delivered", 0),
        counts.get("rejected", 0),
        delivery.failing_since,
        delivery.next_attempt_at,
        delivery.stopped,
    )
