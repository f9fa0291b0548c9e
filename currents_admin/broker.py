"""How worker and beat live with a broker that goes away: they come back within seconds of its return."""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler
from celery.worker.consumer import Consumer

LONGEST_WAIT = 2.0


class PatientConsumer(Consumer):  # type: ignore[misc]
    """Celery's consumer waits up to 30 s between attempts to reach the broker, and events would wait with it."""

    def ensure_connected(self, conn: Any) -> Any:
        original = conn.ensure_connection

        def quickly(errback: Any = None, max_retries: Any = None, **options: Any) -> Any:
            options.update(interval_start=0.5, interval_step=0.5, interval_max=LONGEST_WAIT)
            return original(errback, max_retries, **options)

        conn.ensure_connection = quickly
        return super().ensure_connected(conn)


class MemoryScheduler(Scheduler):  # type: ignore[misc]
    """Beat's schedule lives in the settings; nothing needs to survive a restart, so no file is written."""

    max_interval = 1.0
