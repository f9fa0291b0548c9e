"""The event log: append and read. Plain SQL on Django's connection, because every event passes here.

A workspace's numbers are assigned by updating its `EventLog` row, which stays locked until the commit: batches become
visible in the order of their numbers, and a failed transaction uses up none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import connection

from exporter.log.batches import Batch, TypeCounts
from exporter.sql import cursor


class Header(NamedTuple):
    """A batch without its payload: numbers `first_event` to `end_event` (exclusive); `type_counts` maps an
    event type to `[events, of these anonymous]`."""

    id: int
    first_event: int
    end_event: int
    received_at: datetime
    type_counts: TypeCounts


class Placed(NamedTuple):
    """A batch and its place in the log."""

    workspace_id: int
    first_event: int
    received_at: datetime
    batch: Batch

    @property
    def end_event(self) -> int:
        return self.first_event + self.batch.count


decode_counts = msgspec.json.Decoder(TypeCounts).decode
_encode = msgspec.json.Encoder().encode

_COUNTED = (
    "FROM unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::bigint[], %b::bigint[]) "
    "AS n(w, at, t, c, a) "
)


def ensure(workspace_id: int) -> None:
    """Creates the workspace's log and its mark if they are missing. It looks first, because an insert that meets an
    existing row would wait for whoever is changing it."""
    with connection.cursor() as sql:
        sql.execute(
            "SELECT 1 FROM exporter_eventlog JOIN exporter_logmark USING (workspace_id) WHERE workspace_id = %s",
            [workspace_id],
        )
        if sql.fetchone():
            return
        sql.execute(
            "INSERT INTO exporter_eventlog (workspace_id, next_event, last_received_at) "
            "VALUES (%s, 0, clock_timestamp()) ON CONFLICT DO NOTHING",
            [workspace_id],
        )
        sql.execute(
            "INSERT INTO exporter_logmark (workspace_id, first_event) VALUES (%s, 0) ON CONFLICT DO NOTHING",
            [workspace_id],
        )


def head(workspace_id: int) -> int:
    """The next event number; 0 if nothing was ever received."""
    with connection.cursor() as sql:
        sql.execute("SELECT next_event FROM exporter_eventlog WHERE workspace_id = %s", [workspace_id])
        row = sql.fetchone()
    return 0 if row is None else int(row[0])


def claim(sql: psycopg.Cursor[Any], workspace_id: int, known_head: int, count: int) -> datetime | None:
    """Claims the next `count` numbers if the head is still `known_head` and returns the time of receipt, which never
    runs backwards along the numbers; None if the head is another. The row stays locked until the commit."""
    sql.execute(
        "UPDATE exporter_eventlog SET next_event = next_event + %s, "
        "last_received_at = greatest(clock_timestamp(), last_received_at) "
        "WHERE workspace_id = %s AND next_event = %s RETURNING last_received_at",
        (count, workspace_id, known_head),
    )
    row = sql.fetchone()
    return None if row is None else row[0]


def look(sql: psycopg.Cursor[Any], workspace_id: int) -> int:
    """The head as this transaction sees it; 0 without a log."""
    row = sql.execute(
        "SELECT next_event FROM exporter_eventlog WHERE workspace_id = %s", (workspace_id,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def lock(sql: psycopg.Cursor[Any], workspace_id: int) -> int:
    """Like `look`, and keeps other appends out to the end of the transaction."""
    query = "SELECT next_event FROM exporter_eventlog WHERE workspace_id = %s FOR UPDATE"
    row = sql.execute(query, (workspace_id,)).fetchone()
    return 0 if row is None else int(row[0])


def move(sql: psycopg.Cursor[Any], workspace_id: int, count: int, received_at: datetime) -> None:
    """Moves the head of a log that is locked, as if the events had come at `received_at`."""
    sql.execute(
        "UPDATE exporter_eventlog SET next_event = next_event + %s, last_received_at = %s WHERE workspace_id = %s",
        (count, received_at, workspace_id),
    )


def insert(sql: psycopg.Cursor[Any], placed: Sequence[Placed]) -> None:
    """Stores batches whose numbers were claimed in this transaction, and counts their events as received."""
    if not placed:
        return
    sql.execute(
        "INSERT INTO exporter_eventbatch "
        "(workspace_id, first_event, end_event, received_at, type_counts, id_hashes, payload) "
        "SELECT w, f, e, r, t::jsonb, h, p FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], "
        "%b::timestamptz[], %b::text[], %b::bytea[], %b::bytea[]) AS b(w, f, e, r, t, h, p)",
        (
            [one.workspace_id for one in placed],
            [one.first_event for one in placed],
            [one.end_event for one in placed],
            [one.received_at for one in placed],
            [_encode(one.batch.type_counts).decode() for one in placed],
            [one.batch.id_hashes for one in placed],
            [one.batch.compressed() for one in placed],
        ),
    )
    count(sql, placed)


def count(sql: psycopg.Cursor[Any], placed: Iterable[Placed]) -> None:
    """Adds the batches' events to the received counts, in an order every process keeps."""
    minutes: dict[tuple[int, datetime, str], list[int]] = {}
    totals: dict[tuple[int, str], list[int]] = {}
    latest: dict[tuple[int, str], datetime] = {}
    for one in placed:
        minute = one.received_at.replace(second=0, microsecond=0)
        for event_type, (events, anonymous) in one.batch.type_counts.items():
            kind = (one.workspace_id, event_type)
            latest[kind] = max(latest.get(kind, one.received_at), one.received_at)
            for sums in (
                minutes.setdefault((one.workspace_id, minute, event_type), [0, 0]),
                totals.setdefault(kind, [0, 0]),
            ):
                sums[0] += events
                sums[1] += anonymous
    rows = [(*key, *sums) for key, sums in sorted(minutes.items())]
    sql.execute(
        "INSERT INTO exporter_receivedcount AS old (workspace_id, minute, event_type, count, anonymous) "
        "SELECT w, at, t, c, a " + _COUNTED + "ON CONFLICT (workspace_id, minute, "
        "event_type) DO UPDATE SET count = old.count + excluded.count, "
        "anonymous = old.anonymous + excluded.anonymous",
        _columns(rows),
    )
    rows = [(kind[0], latest[kind], kind[1], *sums) for kind, sums in sorted(totals.items())]
    sql.execute(
        "INSERT INTO exporter_receivedtotal AS old "
        "(workspace_id, event_type, count, anonymous, last_received_at) "
        "SELECT w, t, c, a, at " + _COUNTED + "ON CONFLICT (workspace_id, event_type) DO UPDATE "
        "SET count = old.count + excluded.count, anonymous = old.anonymous + excluded.anonymous, "
        "last_received_at = excluded.last_received_at",
        _columns(rows),
    )


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def headers(workspace_id: int, cursor_at: int, limit: int) -> list[Header]:
    """Up to `limit` batches that hold events from number `cursor_at` on, in order of numbers."""
    rows = cursor().execute(
        "SELECT id, first_event, end_event, received_at, type_counts::text FROM exporter_eventbatch "
        "WHERE workspace_id = %s AND end_event > %s ORDER BY end_event LIMIT %s",
        (workspace_id, cursor_at, limit),
    )
    return [Header(row[0], row[1], row[2], row[3], decode_counts(row[4])) for row in rows]


def payloads(batch_ids: Sequence[int]) -> dict[int, bytes]:
    """The compressed payloads of these batches, read as binary; trimmed ones are missing."""
    rows = cursor().execute(
        "SELECT id, payload FROM exporter_eventbatch WHERE id = ANY(%s)", (list(batch_ids),), binary=True
    )
    return dict(rows.fetchall())
