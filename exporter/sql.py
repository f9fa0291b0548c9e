"""Statements of the delivery path, on Django's connection but bound by the server.

Django's own cursors bind on the client; server-side binding lets PostgreSQL keep a prepared plan and answer in
binary, which halves the cost of reading payloads.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import Any
from uuid import UUID

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
        values = [parameters[name] for name in names]
        cursor.execute(text, [array(one) if type(one) is list else one for one in values], binary=True)
        return cursor.fetchall() if cursor.description else []


_BOOLEANS = {True: "t", False: "f", None: "NULL"}


def array(values: list[Any]) -> str | list[Any]:
    """The list as PostgreSQL writes an array, where it holds numbers, texts, moments or ids; any other is left to the
    driver. For the forty columns of a settle that was a third of the work of telling PostgreSQL about it."""
    kinds = set(map(type, values)) - {NoneType}
    if kinds <= {int, float}:
        written = ["NULL" if one is None else str(one) for one in values]
    elif kinds == {bool}:
        written = [_BOOLEANS[one] for one in values]
    elif kinds <= {datetime, UUID}:
        known = {one: "NULL" if one is None else f'"{one}"' for one in set(values)}
        written = [known[one] for one in values]
    elif all(issubclass(kind, str) for kind in kinds):
        written = ["NULL" if one is None else _quoted(one) for one in values]
    else:
        return values
    return "{" + ",".join(written) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


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
