"""Statements of the delivery path, on Django's connection but bound by the server.

Django's own cursors bind on the client; server-side binding lets PostgreSQL keep a prepared plan and answer in
binary, which halves the cost of reading payloads.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection

_PLACE = re.compile(r"%\((\w+)\)s")


def execute(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Runs one statement and returns its rows (none if it has none). `query` must be a constant, because its prepared
    form is cached.

    Raises:
        django.db.Error: what the driver raises, in Django's classes.
    """
    text, names = _numbered(query)
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(text, [parameters[name] for name in names], binary=True)
        return cursor.fetchall() if cursor.description else []


@lru_cache(maxsize=100)
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` for its first name, and the names in that order. The driver would do this at every
    call; for a statement as long as the settle's, that was a seventh of its cost."""
    names: dict[str, int] = {}
    text = _PLACE.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", query)
    return text.encode(), tuple(names)


def cursor() -> psycopg.Cursor[Any]:
    """A cursor that binds on the server, so that bytes travel as bytes; on Django's connection of this
    thread."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


def clock() -> datetime:
    """The time by the database's clock, which leases, expiry and trimming go by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
