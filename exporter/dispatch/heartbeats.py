"""Heartbeats: each part notes in the database when it last ran, by the database's clock."""

from __future__ import annotations

from django.db import connection

OUTAGE_SECONDS = 600.0


def claim(part: str, at_least: float) -> bool:
    """Notes a sign of life of `part`, unless there was one within `at_least` seconds; by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO exporter_sign AS s (part, at) VALUES (%s, clock_timestamp())
            ON CONFLICT (part) DO UPDATE SET at = clock_timestamp()
             WHERE s.at < clock_timestamp() - make_interval(secs => %s) OR s.at > clock_timestamp() + interval '5 s'
            RETURNING part
            """,
            [part, at_least],
        )
        return cursor.fetchone() is not None


def note_outage(part: str) -> None:
    """Call before `claim`: where `part` gave no sign of life for 10 minutes, the system was down. The moment it is
    back is noted, because what became too old meanwhile is our own fault (`exporter.retention` has the rule)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO exporter_sign (part, at)
            SELECT 'outage', clock_timestamp() FROM exporter_sign
             WHERE part = %s AND at < clock_timestamp() - make_interval(secs => %s)
            ON CONFLICT (part) DO UPDATE SET at = excluded.at
            """,
            [part, OUTAGE_SECONDS],
        )
