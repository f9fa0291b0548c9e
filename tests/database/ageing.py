"""What tests of age share: moments to pretend, batches made older, a system that has just swept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

from exporter.models import EventBatch
from exporter.sweep import claim
from tests.database.delivering import Line


def after(**span: float) -> datetime:
    """So long after now."""
    return datetime.now(UTC) + timedelta(**span)


def make_older(line: Line, first: int = 0, **span: float) -> None:
    """As if the batches from number `first` on had come in so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_eventbatch SET received_at = received_at - %s "
            "WHERE workspace_id = %s AND first_event >= %s",
            [timedelta(**span), line.workspace.pk, first],
        )


def batches(line: Line) -> list[tuple[int, int]]:
    found = EventBatch.objects.filter(workspace=line.workspace).order_by("end_event")
    return list(found.values_list("first_event", "end_event"))


def signed(part: str, minutes_ago: float = 0.0) -> None:
    """As if `part` had given its last sign of life so many minutes ago."""
    claim(part, -1.0)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_sign SET at = clock_timestamp() - make_interval(secs => %s) WHERE part = %s",
            [minutes_ago * 60, part],
        )


def wait_for_a_blocked_statement() -> None:
    """Until some connection to this database waits for a lock."""
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            waiting = cursor.fetchone()[0]
