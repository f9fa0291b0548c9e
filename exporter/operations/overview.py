"""How everything stands, in lines for a terminal: connectors with trouble first, queues, mails, parts and hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from redis import RedisError

from connectors.models import Connector
from connectors.web.time_words import duration
from exporter.dispatch import heartbeats, queues
from exporter.display.health_words import HEALTH
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.reports.summary import Summary

_LEASES = """
SELECT id, lease_holder, extract(epoch FROM clock_timestamp() - lease_since)::float8,
       extract(epoch FROM lease_until - clock_timestamp())::float8
  FROM exporter_delivery WHERE kind = 'live' AND lease_until > clock_timestamp()
"""
_MAILS = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
  FROM exporter_notice WHERE sent_at IS NULL
"""
_HOSTS = """
SELECT part, host, version, skew_ms, extract(epoch FROM clock_timestamp() - at)::float8
  FROM exporter_heartbeat WHERE part <> 'outage' ORDER BY host = '', host, part
"""
_ORDER = {health: place for place, health in enumerate(Health)}


def lines(*, most: int | None = None) -> Iterator[str]:
    """The whole overview; `most` connectors at most.

    Raises:
        DatabaseError: the database does not answer.
    """
    rows = connectors()
    yield from _table(
        (
            "workspace",
            "connector",
            "id",
            "health",
            "waiting",
            "lag",
            "lease held by",
            "next attempt",
            "failing since",
        ),
        rows[:most],
    )
    if most is not None and len(rows) > most:
        yield f"… and {len(rows) - most} more connectors."
    yield ""
    yield _queues()
    yield _mails()
    yield ""
    yield from _table(("host", "part", "last heartbeat", "version", "clock"), _hosts())


def connectors() -> list[tuple[str, ...]]:
    """A row a connector, the worst health first."""
    found = summary.summaries(Connector.objects.select_related("workspace").order_by("workspace__slug"))
    leases = {delivery: _lease(*held) for delivery, *held in _ask(_LEASES)}
    return [_connector(one, leases) for one in sorted(found, key=lambda one: _ORDER[one.health])]


def _connector(one: Summary, leases: dict[int, str]) -> tuple[str, ...]:
    return (
        one.connector.workspace.slug,
        one.connector.name,
        str(one.connector.pk),
        str(HEALTH[one.health.value][0]),
        f"{one.pending:,}",
        duration(one.lag_seconds) if one.lag_seconds else "–",
        leases.get(one.delivery_id, "–"),
        _clock(one.next_attempt_at),
        _clock(one.failing_since),
    )


def _lease(holder: str, since: float | None, left: float) -> str:
    """Such as `worker@host-2 for 4 s, ends in 13 s`."""
    return (
        f"{holder.removeprefix('currents ') or 'unknown'} for {duration(since or 0.0)}, ends in {left:.0f} s"
    )


def _queues() -> str:
    try:
        found = queues.look()
    except (RedisError, OSError, ValueError) as error:
        return f"Queues: the broker does not answer ({type(error).__name__})."
    waiting = ", ".join(f"{queue.name} {queue.length:,}" for queue in found)
    oldest = max(queue.oldest_seconds for queue in found)
    return f"Queues: {waiting} messages waiting" + (
        f", the oldest for {duration(oldest)}." if oldest else "."
    )


def _mails() -> str:
    count, oldest = _ask(_MAILS)[0]
    return f"Mails: {count:,} unsent, the oldest for {duration(oldest)}." if count else "Mails: none unsent."


def _hosts() -> Iterator[tuple[str, ...]]:
    for part, host, version, skew, age in _ask(_HOSTS):
        silent = " (silent)" if host and age > heartbeats.SILENT_SECONDS else ""
        clock = "–" if skew is None else f"{skew / 1000:+.1f} s"
        yield host or "(any)", part, f"{duration(max(age, 0.0))} ago{silent}", version or "–", clock


def _ask(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _clock(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "–"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell."""
    cells = [list(heads), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
