"""Statements of the delivery path, on Django's connection but bound by the server.

Django's own cursors bind on the client; server-side binding lets PostgreSQL keep a prepared plan and answer in
binary, which halves the cost of reading payloads.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def execute(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Runs one statement and answers its rows (none for a statement without).

    Raises:
        django.db.Error: what the driver raises, in Django's classes.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, parameters, binary=True)
        return cursor.fetchall() if cursor.description else []
