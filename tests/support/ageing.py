"""What tests of age share: moments to pretend, batches made older, a system that has just swept."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db import connection

from exporter.dispatch.heartbeats import claim
from exporter.models import EventBatch
from tests.support.delivering import Line


def after(**span: float) -> datetime:
    """So long after now."""
    return datetime.now(UTC) + timedelta(**span)


def make_older(line: Line, first: int = 0, **span: float) -> None:
    """As if the batches from number `first` on had come in so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_eventbatch SET received_at = received_at - make_interval(secs => %s) "
            "WHERE workspace_id = %s AND first_event >= %s",
            [timedelta(**span).total_seconds(), line.workspace.pk, first],
        )


def batches(line: Line) -> list[tuple[int, int]]:
    found = EventBatch.objects.filter(workspace=line.workspace).order_by("end_event")
    return list(found.values_list("first_event", "end_event"))


def signed(part: str, minutes_ago: float = 0.0) -> None:
    """As if `part` had its last heartbeat so many minutes ago."""
    claim(part, -1.0)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_heartbeat SET at = clock_timestamp() - make_interval(secs => %s) WHERE part = %s",
            [minutes_ago * 60, part],
        )


def wait_for_a_blocked_statement() -> None:
    """Until some connection waits for a lock of this one. Within a transaction, too, `pg_locks` is read anew."""
    give_up = time.monotonic() + 20
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            assert time.monotonic() < give_up, "nobody waits for a lock of ours"
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            waiting = cursor.fetchone()[0]
