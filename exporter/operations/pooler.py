"""Whether a pooler between us and PostgreSQL carries prepared statements; pgbouncer before 1.21 does not."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from enum import Enum
from typing import Any

import psycopg
import structlog
from django.db import connection

from exporter.prepared_statements import LOST, PREPARED

log = structlog.get_logger(__name__)

# Connections held while one is moved to another of the pooler's.
_MOST_HELD = 4
_WHICH = "SELECT pg_backend_pid()"
# A start does not wait longer for a database that may be away.
_START_WAITS_SECONDS = 1.0


class Pooling(Enum):
    """What lies between us and PostgreSQL."""

    NONE = "no pooler"
    FITS = "a pooler that carries what is sent"
    LOSES_STATEMENTS = "a pooler that does not carry prepared statements"


def look() -> Pooling:
    """Asks with connections of its own, a handful at most.

    Raises:
        psycopg.Error, django.db.Error: the database does not answer.
    """
    # Django's own cursors prepare nothing; ours for the hot path do.
    options: dict[str, Any] = connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    prepares = options.get("prepare_threshold") is not None
    with ExitStack() as held:
        first = held.enter_context(psycopg.connect(**options | {"autocommit": True}))
        try:
            backend = _pid(first, prepares)
        except LOST:
            # Somebody's statement of that name was left behind.
            return Pooling.LOSES_STATEMENTS
        if first.info.backend_pid == backend:
            return Pooling.NONE
        if not prepares:
            return Pooling.FITS
        # Others take up the pooler's connection that knows the statement; so the next question goes through another.
        for _ in range(_MOST_HELD):
            other = held.enter_context(psycopg.connect(**options | {"autocommit": False}))
            if _pid(other, False) == backend:
                break
        try:
            _pid(first, True)
        except LOST:
            return Pooling.LOSES_STATEMENTS
        return Pooling.FITS


def look_at_start() -> None:
    """Looks once at the start of a process, before it works: where a pooler loses what is prepared, none is."""
    thread = threading.Thread(target=_look, name="pooler", daemon=True)
    thread.start()
    thread.join(_START_WAITS_SECONDS)


def _look() -> None:
    try:
        pooling = look()
    except Exception as error:  # the database may be away at this moment; others tell
        log.debug("pooler.not_seen", error=type(error).__name__)
        return
    if pooling is Pooling.LOSES_STATEMENTS:
        PREPARED.are_lost()


def _pid(asked: psycopg.Connection[Any], prepare: bool) -> int:
    row = asked.execute(_WHICH, prepare=prepare).fetchone()
    return int(row[0]) if row else 0
