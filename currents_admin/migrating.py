"""Migrations beside a running product: one that needs a table to itself waits two seconds for it, then steps back.

A lock that is waited for holds up everybody who comes after it: without the bound, one long reader in front of a
migration would stop the intake.
"""

from __future__ import annotations

import time

import structlog
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

log = structlog.get_logger(__name__)

LOCK_SECONDS = 2.0
PAUSE_SECONDS = 3.0
TRIES = 40
# What PostgreSQL answers when a lock was not had in time, and when two wait for each other.
_NOT_HAD = ("55P03", "40P01")


def migrate() -> None:
    """Applies what is missing. Each migration is a transaction, so one that stepped back begins anew.

    Raises:
        CommandError: a table could not be had in two minutes; what was applied so far stays.
    """
    for tries in range(1, TRIES + 1):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false)", [f"{round(1000 * LOCK_SECONDS)}ms"]
            )
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _NOT_HAD:
                raise
            log.warning("migration.waits", tries=tries, next_in=PAUSE_SECONDS)
        else:
            return
        finally:
            # The setting ends with its connection.
            connection.close()
        time.sleep(PAUSE_SECONDS)
    raise CommandError(
        "The migrations could not be applied: somebody has held a table they need for minutes, perhaps a dump or a "
        "long query. End it (pg_stat_activity names it) and run this again; what runs goes on meanwhile."
    )
