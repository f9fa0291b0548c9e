"""Windows: what was received within the last hour, 24 hours or 7 days, and what became of it.

A window counts events by the minute they were *received*, so that received = Σ outcomes + pending holds within it. It
ends now and begins at a whole minute (1 h) or hour, because older minutes are rolled up into hours; its newest step is
still running. The window before it is complete, so the two are compared by events per second.

Every window is read by one statement, so all its numbers are of one moment.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter.ledger.outcomes import Outcome


class TimeWindow(NamedTuple):
    """`step` is what one bar of a chart covers, `unit` what the beginning is rounded to; both in seconds."""

    name: str
    label: str | Promise
    seconds: int
    step: int
    unit: int

    @property
    def steps(self) -> int:
        return self.seconds // self.step

    def since(self, now: datetime) -> datetime:
        """The beginning of the window that ends at `now`; the unit that is still running is its last."""
        running = int(now.timestamp()) // self.unit * self.unit
        return now.replace(microsecond=0) - timedelta(
            seconds=int(now.timestamp()) - running + self.seconds - self.unit
        )


HOUR = TimeWindow("1h", _("1 hour"), 3_600, 60, 60)
DAY = TimeWindow("24h", _("24 hours"), 86_400, 3_600, 3_600)
WEEK = TimeWindow("7d", _("7 days"), 604_800, 3 * 3_600, 3_600)
WINDOWS = {window.name: window for window in (HOUR, DAY, WEEK)}


@dataclass(frozen=True, slots=True)
class TypeFlow:
    """One event type in a window or since launch: `received` = Σ `outcomes` + `pending`. `title` is what people call
    it, in the reader's language; empty where the catalogue does not know it."""

    event_type: str
    title: str
    received: int
    outcomes: dict[str, int]
    pending: int
    last_received_at: datetime | None


def type_flow(event_type: str, received: int, outcomes: dict[str, int], last: datetime | None) -> TypeFlow:
    """Makes a row; whatever is not settled is pending."""
    known = CATALOGUE.by_name.get(event_type)
    title = known.title if known else ""
    return TypeFlow(event_type, title, received, outcomes, received - sum(outcomes.values()), last)


@dataclass(frozen=True, slots=True)
class Flow:
    """A window of a connector's live delivery.

    `received` = Σ `outcomes` + `pending`, where `pending` is counted from the log's numbers, independently of the
    others. `carried_in` was received before the window and is still waiting. `before` is what the window before
    received. `types` are sorted by received, most first.
    """

    window: TimeWindow
    since: datetime
    now: datetime
    received: int
    outcomes: dict[str, int]
    pending: int
    carried_in: int
    before: int
    types: list[TypeFlow]

    @property
    def off_by(self) -> int:
        return abs(self.received - sum(self.outcomes.values()) - self.pending)

    @property
    def change(self) -> float | None:
        """How much more was received per second than in the window before, as a share; None if nothing was received
        then."""
        elapsed = (self.now - self.since).total_seconds()
        if self.before <= 0 or elapsed <= 0:
            return None
        return (self.received / elapsed) / (self.before / self.window.seconds) - 1


# What was received since launch is bounded by the counts since then, so that the minute of the launch is counted right.
# The first pending event within the window is found by bisection: the log may hold millions.
_FLOW = """
WITH RECURSIVE delivery AS (
    SELECT d.id, d.workspace_id, d.start, d.cursor, l.next_event AS head
      FROM exporter_delivery d JOIN exporter_eventlog l ON l.workspace_id = d.workspace_id
     WHERE d.connector_id = %(connector)s AND d.kind = 'live'
), halving(low, high) AS (
    SELECT cursor, head FROM delivery
     UNION ALL
    SELECT CASE WHEN middle.received_at >= %(since)s THEN h.low ELSE middle.end_event END,
           CASE WHEN middle.received_at >= %(since)s THEN middle.first_event ELSE h.high END
      FROM halving h, delivery d, LATERAL (
           SELECT b.first_event, b.end_event, b.received_at FROM exporter_eventbatch b
            WHERE b.workspace_id = d.workspace_id AND b.end_event > (h.low + h.high) / 2
            ORDER BY b.end_event LIMIT 1) middle
     WHERE h.low < h.high
), first AS (
    SELECT greatest(min(high), (SELECT cursor FROM delivery)) AS number FROM halving
), counted AS (
    SELECT r.event_type, sum(r.count) FILTER (WHERE r.minute >= %(since)s) AS in_window, sum(r.count) AS in_both
      FROM exporter_receivedcount r
     WHERE r.workspace_id = (SELECT workspace_id FROM delivery) AND r.minute >= %(before)s
     GROUP BY 1
), received AS (
    SELECT t.event_type, t.last_received_at,
           least(coalesce(c.in_window, 0), t.count - coalesce(s.count, 0))::bigint AS in_window,
           least(coalesce(c.in_both, 0), t.count - coalesce(s.count, 0))::bigint AS in_both
      FROM delivery d
      JOIN exporter_receivedtotal t ON t.workspace_id = d.workspace_id
      LEFT JOIN exporter_deliverystart s ON s.delivery_id = d.id AND s.event_type = t.event_type
      LEFT JOIN counted c ON c.event_type = t.event_type
), settled AS (
    SELECT c.event_type, c.outcome, sum(c.count)::bigint AS count
      FROM exporter_deliverycount c
     WHERE c.delivery_id = (SELECT id FROM delivery) AND c.minute >= %(since)s
     GROUP BY 1, 2
)
SELECT d.head, d.cursor, first.number,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(event_type, in_window, in_both, last_received_at)), '[]')::text
          FROM received WHERE in_both > 0),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(event_type, outcome, count)), '[]')::text FROM settled)
  FROM delivery d, first
"""


def flow(connector: Connector, window: TimeWindow, now: datetime) -> Flow:
    """The window that ends at `now` (the database's clock).

    Raises:
        Connector.DoesNotExist: it has been deleted in the meantime.
    """
    since = window.since(now)
    terms: dict[str, Any] = {
        "connector": connector.pk,
        "since": since,
        "before": since - timedelta(seconds=window.seconds),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FLOW, terms)
        row = cursor.fetchone()
    if row is None:
        raise Connector.DoesNotExist
    head, reached, first, received, settled = row
    came = json.loads(received)
    settled_rows: list[tuple[str, str, int]] = json.loads(settled)
    types = _types(came, settled_rows)
    outcomes = {outcome.value: 0 for outcome in Outcome}
    for _event_type, outcome, count in settled_rows:
        outcomes[outcome] += count
    return Flow(
        window=window,
        since=since,
        now=now,
        received=sum(row.received for row in types),
        outcomes=outcomes,
        pending=head - first,
        carried_in=first - reached,
        before=sum(both - count for _event_type, count, both, _last in came),
        types=[row for row in types if row.received or any(row.outcomes.values())],
    )


def _types(received: list[Any], settled: list[tuple[str, str, int]]) -> list[TypeFlow]:
    outcomes: dict[str, dict[str, int]] = defaultdict(lambda: {outcome.value: 0 for outcome in Outcome})
    for event_type, outcome, count in settled:
        outcomes[event_type][outcome] += count
    rows = [
        type_flow(event_type, count, outcomes[event_type], _moment(last))
        for event_type, count, _both, last in received
    ]
    return sorted(rows, key=lambda row: (-row.received, row.event_type))


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
