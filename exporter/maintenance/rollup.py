"""Roll-up: minutes older than 3 hours are merged into hours, so that history stays small while every sum stays the
same.

Only the last hour and its comparison with the hour before are shown by the minute. Longer windows add up hours: 24
hours of 20 event types are about 4,000 rows rather than 29,000.

A slice is one statement: the minute rows it deletes are the ones it adds to the row of their hour. Whatever a settle
adds to an old minute afterwards (events delivered late) is a new minute row and is merged by the next roll-up. A slice
locks its delivery first, as a settle does, so that the two never deadlock.

Rows a connector keeps per year, with T event types seen in an hour: `DeliveryCount` 8,760 × T × outcomes per type
(usually 1), so 175,000 for 20 types in use all day and 480,000 for 55; `DeliveryDelay` 8,760 × about 6 buckets,
53,000; `AttemptCount` 8,760 × about 2 answers, 18,000; `DeliveryHour` 8,760 × about 3 outcomes, 26,000. A workspace's
`ReceivedCount`: 8,760 × T. Without the roll-up there would be sixty times as many.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction

from exporter import sql
from exporter.dispatch.heartbeats import claim
from exporter.dispatch.row_by_row import row_by_row
from exporter.dispatch.shutdown import stopping

MINUTES_KEPT = timedelta(hours=3)
SLICE = 1_000
LONGEST_SECONDS = 20.0
_DAY_SECONDS = 86_400.0


class _Table(NamedTuple):
    """`owner` is the column that says whose counts they are, `keys` tell the rows of a minute apart, `sums` are added
    up."""

    name: str
    owner: str
    keys: tuple[str, ...]
    sums: tuple[str, ...]


_TABLES = (
    _Table("deliverycount", "delivery", ("event_type", "outcome"), ("count",)),
    _Table("attemptcount", "delivery", ("answer",), ("count", "milliseconds")),
    _Table("deliverydelay", "delivery", ("bucket",), ("count",)),
    _Table("receivedcount", "workspace", ("event_type",), ("count", "anonymous")),
)
_OWNERS = {
    "delivery": "SELECT id FROM exporter_delivery ORDER BY id",
    "workspace": "SELECT workspace_id FROM exporter_eventlog ORDER BY workspace_id",
}
# Nobody adds to old minutes of a workspace, so no lock is needed.
_LOCKS = {
    "delivery": "SELECT 1 FROM exporter_delivery WHERE id = %(owner)s FOR NO KEY UPDATE",
    "workspace": "",
}


def roll_up(at: datetime | None = None) -> int:
    """Merges all minutes older than 3 hours and returns how many rows it removed. It looks back as far as events can
    still be delivered, and once a day through everything."""
    now, until = at or sql.clock(), time.monotonic() + LONGEST_SECONDS
    before = (now - MINUTES_KEPT).replace(minute=0, second=0, microsecond=0)
    since = now - timedelta(hours=settings.CURRENTS_RETENTION_HOURS + 48)
    if claim("rollup_all", _DAY_SECONDS):
        since = datetime.min.replace(year=1970, tzinfo=now.tzinfo)
    merged = 0
    for table in _TABLES:
        with connection.cursor() as cursor:
            cursor.execute(_OWNERS[table.owner])
            owners = [row[0] for row in cursor.fetchall()]
        terms = {"since": since, "before": before, "slice": SLICE}
        roll = partial(_owner, table, terms, until)
        merged += sum(row_by_row(f"roll up {table.owner}", owners, int, roll))
    return merged


def _owner(table: _Table, terms: dict[str, Any], until: float, owner: int) -> int:
    merged = 0
    while (
        time.monotonic() < until
        and not stopping.is_set()
        and (rows := _slice(table, terms | {"owner": owner}))
    ):
        merged += rows
    return merged


def _slice(table: _Table, terms: dict[str, Any]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        if _LOCKS[table.owner]:
            cursor.execute(_LOCKS[table.owner], terms)
        cursor.execute(_merge(table), terms)
        return int(cursor.fetchone()[0])


def _merge(table: _Table) -> str:
    """The names of tables and columns in the statement are constants of this module."""
    name, owner = f"exporter_{table.name}", f"{table.owner}_id"
    keys = ", ".join(table.keys)
    all_keys = f"{owner}, minute, {keys}"
    sums = ", ".join(table.sums)
    added = ", ".join(f"sum({column})::bigint" for column in table.sums)
    updated = ", ".join(f"{column} = old.{column} + excluded.{column}" for column in table.sums)
    return f"""
    WITH picked AS (
        SELECT {all_keys} FROM {name}
         WHERE {owner} = %(owner)s AND minute >= %(since)s AND minute < %(before)s
           AND minute <> date_trunc('hour', minute, 'UTC')
         ORDER BY minute LIMIT %(slice)s
    ), taken AS (
        DELETE FROM {name} WHERE ({all_keys}) IN (SELECT {all_keys} FROM picked) RETURNING *
    ), merged AS (
        INSERT INTO {name} AS old ({all_keys}, {sums})
        SELECT {owner}, date_trunc('hour', minute, 'UTC'), {keys}, {added} FROM taken GROUP BY {owner}, 2, {keys}
        ON CONFLICT ({all_keys}) DO UPDATE SET {updated}
    )
    SELECT count(*) FROM taken
    """  # noqa: S608
