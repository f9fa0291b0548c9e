"""The order of an upgrade: `manage.py prepare` of a version comes before its parts, which wait for it whenever they are
started."""

from __future__ import annotations

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


def await_prepared(wanted: Callable[[], bool] = lambda: True) -> None:
    """Returns once nothing is missing, is `wanted` no more, or cannot be told because the database is away: that is
    told by others, and ends by itself."""
    told_at = -_TELL_EVERY_SECONDS
    while wanted():
        try:
            count = missing()
        except DatabaseError:
            return
        finally:
            connection.close()
        if not count:
            return
        if time.monotonic() - told_at >= _TELL_EVERY_SECONDS:
            told_at = time.monotonic()
            log.warning("migrations.missing", count=count, next="waits for manage.py prepare of this version")
        time.sleep(_LOOK_EVERY_SECONDS)
