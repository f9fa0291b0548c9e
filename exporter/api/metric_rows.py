"""How the metrics ask the database."""

from __future__ import annotations

from typing import Any

from django.db import connection


def rows(query: str) -> list[tuple[Any, ...]]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
