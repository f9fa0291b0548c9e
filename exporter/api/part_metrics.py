"""Metrics of the parts: their heartbeats, what is missing, chores that fail, and what waits in the queues."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.api import readiness
from exporter.api.metric_rows import rows
from exporter.dispatch.queues import Queue

_CHORE_FAULTS = """
SELECT chore, count(*) FROM exporter_chorefault WHERE last_at > clock_timestamp() - interval '1 hour'
 GROUP BY 1 ORDER BY 1
"""


def collect() -> Iterator[Metric]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    found = readiness.answer.fresh()
    ages = GaugeMetricFamily(
        "currents_sign_age_seconds", "Seconds since the last heartbeat of a part.", labels=("part",)
    )
    for part, age in sorted(found.ages.items()):
        ages.add_metric((part,), round(max(age, 0.0), 3))
    gone = GaugeMetricFamily(
        "currents_missing",
        "1 for each part that the answering web process finds missing, like its /readyz; no sample where none is.",
        labels=("what",),
    )
    for what in found.missing:
        gone.add_metric((what,), 1)
    failing = GaugeMetricFamily(
        "currents_chore_failing_rows",
        "Rows a chore has failed for within the last hour; the log names them.",
        labels=("chore",),
    )
    for chore, count in rows(_CHORE_FAULTS):
        failing.add_metric((chore,), count)
    yield from (ages, gone, failing)
    if found.queues is not None:
        yield from _queues(found.queues)


def _queues(found: list[Queue]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "currents_queue_length",
        "Wake-ups waiting in a queue. Absent while the broker does not answer.",
        labels=("queue",),
    )
    oldest = GaugeMetricFamily(
        "currents_queue_oldest_seconds", "Age of the wake-up that has waited longest.", labels=("queue",)
    )
    for queue in found:
        waiting.add_metric((queue.name,), queue.length)
        oldest.add_metric((queue.name,), round(queue.oldest_seconds, 3))
    yield from (waiting, oldest)
