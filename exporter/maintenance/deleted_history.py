"""Deleted history: what connectors that were deleted leave behind.

A deletion takes away at once what is few rows: the connector, its keys and settings, deliveries, replays, incidents.
Its counts, attempts, settled ranges and rejected events may be millions. The person who deletes it does not wait for
those, nor does anybody who delivers for others. No constraint ties them to what is gone, and nothing reads them, for
everybody comes to them by the delivery or the connector.
"""

from __future__ import annotations

import time

from django.db import connection

from exporter.dispatch.shutdown import stopping

# A slice begins where the table does, so many small ones would walk over what the ones before deleted again and again.
SLICE = 50_000
# The next chore deletes the rest.
LONGEST_SECONDS = 20.0

_OWNERS = {"delivery_id": "exporter_delivery", "connector_id": "connectors_connector"}
_TABLES = {
    "delivery_id": (
        "attempt",
        "attemptcount",
        "attempttotal",
        "deliverycount",
        "deliverydelay",
        "deliveryhour",
        "deliverystart",
        "deliverytotal",
        "settlement",
    ),
    "connector_id": ("recoveredevent", "rejectedevent"),
}
# From one owner to the next by the index that begins with it, whatever many rows each of them has.
_GONE = """
WITH RECURSIVE owner AS (
    SELECT min({column}) AS id FROM {table}
     UNION ALL
    SELECT (SELECT min({column}) FROM {table} WHERE {column} > owner.id) FROM owner WHERE owner.id IS NOT NULL
)
SELECT id FROM owner WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM {owners} o WHERE o.id = owner.id)
"""
# What trimming has locked is left to it.
_DELETE = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE {column} = %s LIMIT %s FOR UPDATE SKIP LOCKED))
"""


def clear() -> int:
    """Deletes what is left of deleted connectors, in slices, and returns how many rows went."""
    until = time.monotonic() + LONGEST_SECONDS
    return sum(
        _clear(f"exporter_{table}", column, until) for column, tables in _TABLES.items() for table in tables
    )


def _clear(table: str, column: str, until: float) -> int:
    """The names of tables and columns in the statements are constants of this module."""
    names = {"table": table, "column": column, "owners": _OWNERS[column]}
    cleared = 0
    with connection.cursor() as cursor:
        cursor.execute(_GONE.format(**names))
        for (owner,) in cursor.fetchall():
            while time.monotonic() < until and not stopping.is_set():
                cursor.execute(_DELETE.format(**names), [owner, SLICE])
                cleared += cursor.rowcount
                if cursor.rowcount < SLICE:
                    break
    return cleared
