"""The order of an upgrade: `manage.py prepare` of a version comes before its parts, which wait for it whenever they are
started."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS, _TELL_EVERY_SECONDS = 0.5, 30.0


def missing() -> int:
    """How many migrations of this version are not applied. Those of a later version are none of its affair.

    Raises:
        DatabaseError: the database does not answer.
    """
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def await_prepared(wanted: Callable[[], bool] = lambda: True, *, database_too: bool = True) -> bool:
    """Waits until nothing is missing, and True then. False once it is `wanted` no more, and while the database is away
    unless that is waited for, too."""
    told_at = -_TELL_EVERY_SECONDS
    while wanted():
        count = _missing_if_told()
        if count == 0:
            return True
        if count is None and not database_too:
            return False
        if count and time.monotonic() - told_at >= _TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            log.warning("migrations.missing", count=count, next="waits for manage.py prepare of this version")
        time.sleep(_LOOK_EVERY_SECONDS)
    return False


def look_once_it_answers(then: Callable[[], object]) -> None:
    """For a part that is of use while the database is away; returns at once. `then` is called, by another thread, if
    migrations turn out to be missing."""

    def look() -> None:
        while (count := _missing_if_told()) is None:
            time.sleep(_LOOK_EVERY_SECONDS)
        if count:
            then()

    threading.Thread(target=look, name="schema", daemon=True).start()


def _missing_if_told() -> int | None:
    """None while the database is away."""
    try:
        return missing()
    except DatabaseError as error:
        log.warning("database.away", doing="start", error=type(error).__name__)
        return None
    finally:
        connection.close()
