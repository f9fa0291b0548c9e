"""Trimming: deletes rows older than their retention, in slices small enough to hold nobody up.

The event log is kept as long as `log.retention` says for the workspace, and longer where an unfinished delivery has
not read it yet. The workspace's `LogMark` moves first, under a lock that creating a delivery also takes, so that no
delivery can start at events that are about to be deleted; then the batches are deleted, and with them the settled
ranges below the mark.

Attempts are kept for 7 days. Events refused at intake are kept as long as the log, because the row holds their bytes.
Events rejected at delivery lose their bytes with the log and can then be neither downloaded nor retried (`event_number`
is below the mark); the row stays for 90 days as the record of what was rejected and why. Refusal counts and names of
unknown types are kept for 90 days. Counts and totals are never deleted (`exporter.maintenance.rollup` merges them).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import structlog
from django.db import connection, transaction

from exporter import sql
from exporter.delivery import over_age
from exporter.dispatch.row_by_row import row_by_row
from exporter.dispatch.shutdown import stopping
from exporter.log import retention

log = structlog.get_logger(__name__)

SLICE = 500
ATTEMPTS_KEPT = timedelta(days=7)
RECORDS_KEPT = timedelta(days=90)
# The next chore deletes the rest.
LONGEST_SECONDS = 20.0

# After an outage of ours nothing is deleted until the workspace's deliveries have had their turn.
_TRIMMABLE = f"""
SELECT m.workspace_id, cutoff.before FROM exporter_logmark m JOIN connectors_workspace w ON w.id = m.workspace_id
  CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - make_interval(secs => 3600 * {retention.HOURS}) AS before) cutoff
  JOIN LATERAL (SELECT b.received_at FROM exporter_eventbatch b WHERE b.workspace_id = m.workspace_id
                 ORDER BY b.end_event LIMIT 1) first ON true
 WHERE first.received_at < cutoff.before AND {over_age.SWEPT}
   AND NOT EXISTS (
       SELECT 1 FROM exporter_delivery d
         JOIN connectors_connector c ON c.id = d.connector_id
         JOIN LATERAL {over_age.OLDEST} oldest ON true
        WHERE d.workspace_id = m.workspace_id AND d.kind = 'live' AND NOT {over_age.RECOVERED})
"""  # noqa: S608 - constants of ours
_MOVE_MARK = """
UPDATE exporter_logmark m SET first_event = aged.upto
  FROM (SELECT max(b.end_event) AS upto
          FROM (SELECT end_event, received_at FROM exporter_eventbatch
                 WHERE workspace_id = %(workspace)s AND end_event > %(mark)s ORDER BY end_event LIMIT %(slice)s) b
         WHERE b.received_at < %(before)s
           AND b.end_event <= (SELECT coalesce(min(d.cursor), b.end_event) FROM exporter_delivery d
                                WHERE d.workspace_id = %(workspace)s AND d.kind <> 'import'
                                  AND (d.stop IS NULL OR d.cursor < d.stop))) aged
 WHERE m.workspace_id = %(workspace)s AND aged.upto > m.first_event
RETURNING m.first_event
"""
_BATCHES = """
DELETE FROM exporter_eventbatch WHERE id IN (
    SELECT b.id FROM exporter_eventbatch b JOIN exporter_logmark m USING (workspace_id)
     WHERE b.workspace_id = %(workspace)s AND b.end_event <= m.first_event ORDER BY b.end_event LIMIT %(slice)s)
"""
# A delivery's last range stays whatever its age: the next settle extends it.
_SETTLEMENTS = """
DELETE FROM exporter_settlement WHERE id IN (
    SELECT s.id FROM exporter_settlement s JOIN exporter_delivery d ON d.id = s.delivery_id
      JOIN exporter_logmark m ON m.workspace_id = d.workspace_id
     WHERE d.workspace_id = %(workspace)s AND d.kind <> 'import'
       AND s.end_event <= m.first_event AND s.end_event < d.cursor
     LIMIT %(slice)s)
"""
_ATTEMPTS = """
DELETE FROM exporter_attempt WHERE id IN (
    SELECT a.id FROM exporter_delivery d,
           LATERAL (SELECT id FROM exporter_attempt WHERE delivery_id = d.id AND at < %(attempts)s LIMIT %(slice)s) a
     LIMIT %(slice)s)
"""
# Whoever tries refused events again has some of them locked, in another order: those are left for the next time.
_REJECTED = f"""
DELETE FROM exporter_rejectedevent WHERE id = ANY (ARRAY(
    SELECT r.id FROM exporter_logmark m JOIN connectors_workspace w ON w.id = m.workspace_id
      JOIN exporter_rejectedevent r ON r.workspace_id = m.workspace_id
     WHERE r.at < %(now)s::timestamptz - make_interval(secs => 3600 * {retention.HOURS})
       AND (r.connector_id IS NULL OR (r.at < %(records)s AND r.event_number < m.first_event))
     LIMIT %(slice)s FOR UPDATE OF r SKIP LOCKED))
"""  # noqa: S608 - a constant of ours
_RECOVERED = """
DELETE FROM exporter_recoveredevent WHERE id IN (
    SELECT r.id FROM exporter_recoveredevent r JOIN exporter_delivery d ON d.id = r.delivery_id
      JOIN exporter_logmark m ON m.workspace_id = d.workspace_id
     WHERE r.event_number < m.first_event LIMIT %(slice)s)
"""
_DAYS = """
DELETE FROM exporter_{table} WHERE day < (%(records)s::timestamptz AT TIME ZONE 'UTC')::date
"""
# Of rows that are gone, nobody can say that they work again.
_OLD_FAULTS = "DELETE FROM exporter_chorefault WHERE last_at < %(attempts)s"
_STRANDED = """
SELECT d.id, d.cursor, m.first_event FROM exporter_delivery d JOIN exporter_logmark m USING (workspace_id)
 WHERE d.cursor < m.first_event AND d.kind <> 'import' AND (d.stop IS NULL OR d.cursor < d.stop)
"""


def trim(at: datetime | None = None) -> int:
    """Deletes log rows older than the retention, by the database's clock or as of `at`, and returns how many
    batches were deleted."""
    until = time.monotonic() + LONGEST_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(_TRIMMABLE, {"now": at or sql.clock(), **retention.terms()})
        aged: list[tuple[int, datetime]] = cursor.fetchall()
    trimmed = sum(row_by_row("trim", aged, itemgetter(0), lambda one: trim_workspace(*one, until)))
    _alarm()
    return trimmed


def clean(at: datetime | None = None) -> None:
    """Deletes records older than their retention."""
    now, until = at or sql.clock(), time.monotonic() + LONGEST_SECONDS
    terms: dict[str, Any] = {
        "attempts": now - ATTEMPTS_KEPT,
        "now": now,
        **retention.terms(),
        "records": now - RECORDS_KEPT,
        "slice": SLICE,
    }
    for query in (_ATTEMPTS, _REJECTED, _RECOVERED):
        while _delete(query, terms) == SLICE and _may_go_on(until):
            pass
    for table in ("refusalcount", "unknowntype"):
        _delete(_DAYS.format(table=table), terms)
    _delete(_OLD_FAULTS, terms)


def _may_go_on(until: float) -> bool:
    return time.monotonic() < until and not stopping.is_set()


def trim_workspace(workspace_id: int, before: datetime, until: float) -> int:
    """Deletes one slice: the mark moves first, then the batches go. Batches that an interrupted run left below the mark
    are deleted first."""
    terms: dict[str, Any] = {"workspace": workspace_id, "before": before, "slice": SLICE}
    trimmed = _delete(_BATCHES, terms)
    while _may_go_on(until) and _move_mark(terms):
        trimmed += _delete(_BATCHES, terms)
    while _may_go_on(until) and _delete(_SETTLEMENTS, terms) == SLICE:
        pass
    return trimmed


def _move_mark(terms: dict[str, Any]) -> bool:
    """The cursors are read after the mark is locked, so a delivery created meanwhile is either seen or has to wait."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT first_event FROM exporter_logmark WHERE workspace_id = %(workspace)s FOR UPDATE", terms
        )
        row = cursor.fetchone()
        if row is None:
            return False
        cursor.execute(_MOVE_MARK, {**terms, "mark": row[0]})
        return cursor.fetchone() is not None


def _delete(query: str, terms: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        rows: int = cursor.rowcount
        return rows


def _alarm() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_STRANDED)
        for delivery_id, at, first in cursor.fetchall():
            log.critical("log.events_missing", delivery=delivery_id, cursor=at, log_begins_at=first)
