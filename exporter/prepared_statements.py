"""Whether this process prepares statements. A pooler that hands a connection's next statement to another server
connection may not carry them there (pgbouncer before 1.21). Every prepared statement would then fail, hundreds a
minute, so from the first sign on this process does without them."""

from __future__ import annotations

import threading

import structlog
from psycopg import errors

log = structlog.get_logger(__name__)

# What PostgreSQL answers to a statement that was prepared on another connection, and to a name somebody else has used.
LOST = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
REMEDY = "Set CURRENTS_PREPARED_STATEMENTS=0 or ?pgbouncer=true in DATABASE_URL, or upgrade pgbouncer to 1.21 or newer."


class PreparedStatements:
    """One a process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.carried = True

    def are_lost(self) -> None:
        """Tells it once."""
        with self._guard:
            told, self.carried = not self.carried, False
        if not told:
            log.error("pooler.loses_statements", next=f"None is prepared from now on. {REMEDY}")


PREPARED = PreparedStatements()
