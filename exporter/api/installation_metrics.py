"""Metrics of the installation as a whole: what an alert needs that no single connector tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from exporter.version import VERSION

_INSTALLATION = """
SELECT (SELECT count(*) FROM exporter_notice WHERE sent_at IS NULL),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
          FROM exporter_notice WHERE sent_at IS NULL),
       (SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint FROM pg_inherits
         WHERE inhparent = 'exporter_eventbatch'::regclass) + pg_total_relation_size('exporter_eventbatch'),
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(oldest.received_at)), 0)::float8
          FROM exporter_eventlog l
          CROSS JOIN LATERAL (SELECT b.received_at FROM exporter_eventbatch b WHERE b.workspace_id = l.workspace_id
                               ORDER BY b.end_event LIMIT 1) oldest),
       (SELECT coalesce(max(abs(skew_ms)), 0) / 1000.0 FROM exporter_heartbeat
         WHERE skew_ms IS NOT NULL AND at > clock_timestamp() - interval '1 minute')
"""


def collect() -> Iterator[Metric]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    unsent, oldest_unsent, log_bytes, oldest_event, skew = _row()
    yield _gauge("currents_notices_unsent", "Mails that are due and not sent.", unsent)
    yield _gauge(
        "currents_notices_oldest_unsent_seconds", "Age of the oldest mail that is not sent.", oldest_unsent
    )
    yield _gauge("currents_log_bytes", "Size of the event log in the database, indexes included.", log_bytes)
    yield _gauge("currents_log_oldest_seconds", "Age of the oldest batch in the event log.", oldest_event)
    yield _gauge(
        "currents_clock_skew_seconds", "The largest distance of a host's clock to the database's.", skew
    )
    yield InfoMetricFamily(
        "currents_build", "The version of the web process that answers this.", {"version": VERSION}
    )


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _row() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLATION)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
