"""Chores work row by row: one row that fails does not hold up the others.

A failing row is recorded with its fault, logged once with its id, comes last for a while, and counts in `/metrics`
until it works again. A fault that is not the row's (the database is gone) ends the chore; the next one starts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import structlog
from django.db import DatabaseError, connection

log = structlog.get_logger(__name__)

LAST_FOR_SECONDS = 600.0

_LATELY = """
SELECT row_id FROM exporter_chorefault
 WHERE chore = %s AND last_at > clock_timestamp() - make_interval(secs => %s)
"""
_NOTE = """
INSERT INTO exporter_chorefault AS f (chore, row_id, fault, first_at, last_at, count)
VALUES (%s, %s, %s, clock_timestamp(), clock_timestamp(), 1)
ON CONFLICT (chore, row_id) DO UPDATE
   SET fault = excluded.fault, last_at = excluded.last_at, count = f.count + 1
RETURNING count
"""
_FORGET = "DELETE FROM exporter_chorefault WHERE chore = %s AND row_id = %s"

Row = TypeVar("Row")
Result = TypeVar("Result")


def row_by_row(
    chore: str, rows: Iterable[Row], row_id: Callable[[Row], int], work: Callable[[Row], Result]
) -> Iterator[Result]:
    """Yields the result of `work` for each row; rows that failed within the last ten minutes come last, in their order.

    Raises:
        django.db.DatabaseError: the connection is gone.
    """
    rows = list(rows)
    failing = {found[0] for found in _run(_LATELY, chore, LAST_FOR_SECONDS)} if rows else set()
    for row in sorted(rows, key=lambda row: row_id(row) in failing):
        try:
            result = work(row)
        except Exception as fault:
            if isinstance(fault, DatabaseError) and not connection.is_usable():
                connection.close()
                raise
            _note(chore, row_id(row), fault)
        else:
            if row_id(row) in failing:
                _run(_FORGET, chore, row_id(row))
            yield result


def _note(chore: str, row_id: int, fault: Exception) -> None:
    ((count,),) = _run(_NOTE, chore, row_id, f"{type(fault).__name__}: {fault}"[:500])
    if count == 1:
        log.error(
            "chore.row_failed", chore=chore, row=row_id, next="it comes last for a while", exc_info=fault
        )


def _run(query: str, *terms: str | float) -> list[tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        return list(cursor.fetchall()) if cursor.description else []
