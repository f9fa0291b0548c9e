"""The backend Django loads: connections whose waits end with the process's patience."""

from __future__ import annotations

import time
from typing import Any, TypeVar

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg import Connection, OperationalError
from psycopg.abc import PQGen

from currents_admin.postgresql.patience import PATIENCE
from exporter.prepared_statements import LOST, PREPARED

RV = TypeVar("RV")
_LOOK_EVERY = 0.1


class BoundedConnection(Connection[Any]):
    """A connection whose statement was not answered in time is closed: what became of it is not known."""

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_EVERY, timeout: float | None = None) -> RV:
        # Also of those that were open when the first one heard of it.
        if not PREPARED.carried:
            self.prepare_threshold = None
        try:
            return self._bounded(gen, interval, timeout)
        except LOST:
            self.prepare_threshold = None
            PREPARED.are_lost()
            raise

    def _bounded(self, gen: PQGen[RV], interval: float, timeout: float | None) -> RV:
        try:
            seconds = PATIENCE.begin()
        except OperationalError:
            self.pgconn.finish()
            raise
        if seconds is None or (timeout is not None and timeout < seconds):
            return super().wait(gen, interval, timeout)
        asked_at = time.monotonic()
        try:
            answer = super().wait(gen, interval, seconds)
        except OperationalError as error:
            if error.sqlstate is not None or time.monotonic() < asked_at + seconds:
                raise
            PATIENCE.ran_out(seconds)
            self.pgconn.finish()
            raise OperationalError(f"PostgreSQL did not answer within {seconds:g} seconds.") from None
        PATIENCE.answered()
        return answer


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        """A server that does not let anybody in within `connect_timeout` counts as silent, too."""
        seconds = PATIENCE.begin()
        self.isolation_level = IsolationLevel.READ_COMMITTED
        if not PREPARED.carried:
            conn_params = conn_params | {"prepare_threshold": None}
        asked_at = time.monotonic()
        try:
            connection = BoundedConnection.connect(**conn_params)
        except OperationalError:
            waited = time.monotonic() - asked_at
            if seconds is not None and waited >= int(conn_params["connect_timeout"]):
                PATIENCE.ran_out(waited)
            raise
        PATIENCE.answered()
        return connection
