"""Heartbeats: each part notes in the database when it last ran, by the database's clock."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError, connection

from exporter.version import VERSION

log = structlog.get_logger(__name__)

OUTAGE_SECONDS = 600.0
# How often each process writes one; a process whose heartbeat is older than `SILENT_SECONDS` has stopped or hangs.
EVERY_SECONDS = 3.0
SILENT_SECONDS = 10.0
# When a host counts as gone for good and is forgotten.
_GONE = "1 day"

_CLAIM = """
INSERT INTO exporter_heartbeat AS h (part, host, at, version) VALUES (%s, '', clock_timestamp(), '')
ON CONFLICT (part, host) DO UPDATE SET at = clock_timestamp()
 WHERE h.at < clock_timestamp() - make_interval(secs => %s) OR h.at > clock_timestamp() + interval '5 s'
RETURNING part
"""
_BEAT = """
INSERT INTO exporter_heartbeat AS h (part, host, at, version, skew_ms)
SELECT part, %(host)s, clock_timestamp(), %(version)s,
       round(1000 * (%(now)s - extract(epoch FROM clock_timestamp())))::int FROM unnest(%(parts)s::text[]) part
ON CONFLICT (part, host) DO UPDATE SET at = excluded.at, version = excluded.version, skew_ms = excluded.skew_ms
"""
_OUTAGE = """
INSERT INTO exporter_heartbeat (part, host, at, version)
SELECT 'outage', '', clock_timestamp(), '' FROM exporter_heartbeat
 WHERE part = %s AND host = '' AND at < clock_timestamp() - make_interval(secs => %s)
ON CONFLICT (part, host) DO UPDATE SET at = excluded.at
"""


def claim(part: str, at_least: float) -> bool:
    """Records that `part` runs now, unless it ran within the last `at_least` seconds by the database's clock. Of all
    hosts that call it at the same time, only one gets True."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [part, at_least])
        return cursor.fetchone() is not None


def beat(parts: list[str]) -> None:
    """Records that these parts are alive on this host."""
    with connection.cursor() as cursor:
        terms: dict[str, Any] = {
            "parts": parts,
            "host": socket.gethostname()[:100],
            "version": VERSION,
            "now": time.time(),
        }
        cursor.execute(_BEAT, terms)


def keep(parts: list[str], stop: threading.Event, also: Callable[[], object] = lambda: None) -> None:
    """Writes a heartbeat of these parts every few seconds and then calls `also`, until `stop` is set; for a thread of
    its own."""
    while not stop.wait(EVERY_SECONDS):
        try:
            beat(parts)
            also()
        except DatabaseError as error:
            log.warning("database.away", doing="heartbeat", error=type(error).__name__)
            connection.close()


def ages() -> dict[str, float]:
    """Seconds since the latest heartbeat of each part, on whichever host."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT part, extract(epoch FROM clock_timestamp() - max(at))::float8 FROM exporter_heartbeat GROUP BY part"
        )
        return dict(cursor.fetchall())


def note_outage(part: str) -> None:
    """Must be called before `claim`: if `part` has not run for 10 minutes, the system was down. The time of its return
    is recorded, because what became too old meanwhile is our own fault (`exporter.delivery.over_age` has the rule)."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTAGE, [part, OUTAGE_SECONDS])


def forget_hosts() -> None:
    """Deletes the heartbeats of hosts that have been gone for a day, and of sweeps at home as old."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM exporter_heartbeat WHERE (host <> '' OR part LIKE 'sweep:%')"  # noqa: S608
            f" AND at < clock_timestamp() - interval '{_GONE}'"
        )
