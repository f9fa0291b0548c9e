"""Batches that were imported for one connector: appended to its delivery, and read by that alone. Numbers begin at 0
with each delivery; its `stop` is their head."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from django.conf import settings

from exporter.lease_sql import FREE
from exporter.log import event_log
from exporter.log.batches import Batch
from exporter.log.event_log import Header
from exporter.sql import cursor

_encode = msgspec.json.Encoder().encode

_HOLD = "SELECT id FROM exporter_delivery WHERE id = %s AND kind = 'import' FOR NO KEY UPDATE"
_CLAIM = """
UPDATE exporter_delivery SET stop = stop + %s WHERE id = %s AND kind = 'import' RETURNING stop - %s, clock_timestamp()
"""
_INSERT = """
INSERT INTO exporter_importedbatch
       (delivery_id, first_event, end_event, received_at, type_counts, id_hashes, payload)
SELECT %s, f, e, %s, t::jsonb, h, p
  FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[]) AS b(f, e, t, h, p)
"""
_HEADERS = """
SELECT id, first_event, end_event, received_at, type_counts::text FROM exporter_importedbatch
 WHERE delivery_id = %s AND end_event > %s ORDER BY end_event LIMIT %s
"""
_HASHES = """
SELECT first_event, end_event, received_at, id_hashes FROM exporter_importedbatch
 WHERE delivery_id = %s AND end_event > %s ORDER BY end_event
"""
_MOST_FORGOTTEN = 500
# Whoever still sends keeps the lease, and whoever deletes the connector has them locked; the next time they go.
_FORGET = f"""
DELETE FROM exporter_importedbatch WHERE id = ANY (ARRAY(
    SELECT b.id FROM exporter_importedbatch b
      JOIN exporter_delivery d ON d.id = b.delivery_id JOIN exporter_replay r ON r.delivery_id = d.id
     WHERE r.finished_at IS NOT NULL AND {FREE}
     LIMIT %(most)s FOR UPDATE OF b SKIP LOCKED))
"""  # noqa: S608 - constants of ours


def hold(sql: psycopg.Cursor[Any], delivery_id: int) -> bool:
    """Until the transaction ends nobody else appends to the delivery or deletes it; False where it is gone."""
    return sql.execute(_HOLD, (delivery_id,)).fetchone() is not None


def append(
    sql: psycopg.Cursor[Any], delivery_id: int, batches: Sequence[Batch]
) -> list[tuple[int, int, datetime, bytes]]:
    """Appends in the transaction of the caller, who holds the delivery (`hold`); first and end number, time and id
    hashes of each."""
    count = sum(batch.count for batch in batches)
    row = sql.execute(_CLAIM, (count, delivery_id, count)).fetchone()
    assert row is not None  # noqa: S101 - for the type checker: the delivery is held
    number, received_at = row
    placed = []
    for batch in batches:
        placed.append((number, number + batch.count, received_at, batch.id_hashes))
        number += batch.count
    sql.execute(
        _INSERT,
        (
            delivery_id,
            received_at,
            [first for first, _end, _at, _hashes in placed],
            [end for _first, end, _at, _hashes in placed],
            [_encode(batch.type_counts).decode() for batch in batches],
            [batch.id_hashes for batch in batches],
            [batch.compressed() for batch in batches],
        ),
    )
    return placed


def head(delivery_id: int) -> int:
    """The next event number; 0 where the delivery is gone."""
    row = cursor().execute("SELECT stop FROM exporter_delivery WHERE id = %s", (delivery_id,)).fetchone()
    return 0 if row is None else int(row[0])


def headers(delivery_id: int, number: int, limit: int) -> list[Header]:
    """As `event_log.headers`."""
    rows = cursor().execute(_HEADERS, (delivery_id, number, limit))
    return [Header(row[0], row[1], row[2], row[3], event_log.decode_counts(row[4])) for row in rows]


def payloads(batch_ids: Sequence[int]) -> dict[int, bytes]:
    """As `event_log.payloads`."""
    query = "SELECT id, payload FROM exporter_importedbatch WHERE id = ANY(%s)"
    return dict(cursor().execute(query, (list(batch_ids),), binary=True).fetchall())


def id_hashes(delivery_id: int, after: int) -> list[tuple[int, int, datetime, bytes]]:
    """First and end number, time and id hashes of the batches that hold events from number `after` on."""
    return cursor().execute(_HASHES, (delivery_id, after), binary=True).fetchall()


def forget() -> int:
    """Deletes some of the batches of replays that are over; how many."""
    terms = {"most": _MOST_FORGOTTEN, "seconds": float(settings.CURRENTS_LEASE_SECONDS)}
    return cursor().execute(_FORGET, terms).rowcount
