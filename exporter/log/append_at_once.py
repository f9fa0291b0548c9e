"""Appends for several workspaces with one statement that is a transaction by itself.

Under load every way to the database and back costs more than the work it asks for; this is one where `event_log.claim`
and `insert` are eight. It never waits: a log that somebody else has locked, or that has moved on, leaves everything as
it was, and the caller takes the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from exporter.log.batches import Batch, TypeCounts, add_counts
from exporter.sql import cursor


class Addition(NamedTuple):
    """What follows number `head` of a workspace's log, at least one batch."""

    workspace_id: int
    head: int
    batches: Sequence[Batch]


class Appended(NamedTuple):
    """`received_at` by workspace; `now` is the database's time."""

    received_at: dict[int, datetime]
    now: datetime


_encode = msgspec.json.Encoder().encode

# Its parameters, in this order, all bound as binary: as text a payload takes twice the bytes.
_PARAMETERS = (
    *("workspaces", "heads", "counts"),
    *("owners", "firsts", "ends", "type_counts", "hashes", "payloads"),
    *("typed", "types", "events", "anonymous"),
)
_APPEND = """
WITH given AS (
    SELECT w, known, n FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[]) AS g(w, known, n)
), locked AS (
    SELECT l.workspace_id
      FROM exporter_eventlog l JOIN given ON given.w = l.workspace_id AND given.known = l.next_event
       FOR UPDATE OF l SKIP LOCKED
), claimed AS (
    UPDATE exporter_eventlog l
       SET next_event = l.next_event + given.n, last_received_at = greatest(clock_timestamp(), l.last_received_at)
      FROM given JOIN locked ON locked.workspace_id = given.w
     WHERE l.workspace_id = given.w AND (SELECT count(*) FROM locked) = (SELECT count(*) FROM given)
    RETURNING l.workspace_id AS w, l.last_received_at AS at
), batches AS (
    INSERT INTO exporter_eventbatch
           (workspace_id, first_event, end_event, received_at, type_counts, id_hashes, payload)
    SELECT w, f, e, at, t::jsonb, h, p
      FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::bytea[], %b::bytea[]) AS b(w, f, e, t, h, p)
      JOIN claimed USING (w)
), types AS (
    SELECT w, t, c, a, at
      FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::bigint[]) AS n(w, t, c, a) JOIN claimed USING (w)
), minutes AS (
    INSERT INTO exporter_receivedcount AS old (workspace_id, minute, event_type, count, anonymous)
    SELECT w, date_trunc('minute', at), t, c, a FROM types
    ON CONFLICT (workspace_id, minute, event_type)
    DO UPDATE SET count = old.count + excluded.count, anonymous = old.anonymous + excluded.anonymous
), totals AS (
    INSERT INTO exporter_receivedtotal AS old (workspace_id, event_type, count, anonymous, last_received_at)
    SELECT w, t, c, a, at FROM types
    ON CONFLICT (workspace_id, event_type)
    DO UPDATE SET count = old.count + excluded.count, anonymous = old.anonymous + excluded.anonymous,
                  last_received_at = excluded.last_received_at
)
SELECT w, at, clock_timestamp() FROM claimed
"""


def append_at_once(additions: Sequence[Addition]) -> Appended | None:
    """Appends all of it, each to a log whose head is the one given; None where one has another head or is locked, and
    then nothing is appended.

    To be called outside a transaction. When it answers, the events are committed.

    Raises:
        psycopg.Error, django.db.Error: nothing was appended; where the connection broke nobody knows.
    """
    named = _parameters(additions)
    rows = cursor().execute(_APPEND, [named[name] for name in _PARAMETERS], binary=True).fetchall()
    if not rows:
        return None
    return Appended({workspace_id: received_at for workspace_id, received_at, _ in rows}, rows[0][2])


def _parameters(additions: Sequence[Addition]) -> dict[str, list[Any]]:
    named: dict[str, list[Any]] = {name: [] for name in _PARAMETERS}
    for one in additions:
        number = one.head
        types: TypeCounts = {}
        for batch in one.batches:
            named["owners"].append(one.workspace_id)
            named["firsts"].append(number)
            number += batch.count
            named["ends"].append(number)
            named["type_counts"].append(_encode(batch.type_counts).decode())
            named["hashes"].append(batch.id_hashes)
            named["payloads"].append(batch.compressed())
            add_counts(types, batch.type_counts)
        named["workspaces"].append(one.workspace_id)
        named["heads"].append(one.head)
        named["counts"].append(number - one.head)
        for event_type, (events, anonymous) in types.items():
            named["typed"].append(one.workspace_id)
            named["types"].append(event_type)
            named["events"].append(events)
            named["anonymous"].append(anonymous)
    return named
