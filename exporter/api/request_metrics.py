"""Metrics of requests: those of senders to the intake, and ours to destinations; of all processes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from exporter.api.metric_rows import rows
from exporter.dispatch.durations import BEYOND, BOUNDS, Requests
from exporter.intake import appender

_DURATIONS = (
    "SELECT kind, status, bound, count, milliseconds FROM exporter_requestduration ORDER BY kind, status"
)
_FAMILIES = {
    Requests.INTAKE: (
        "currents_intake_request_seconds",
        "Requests with events by the status they were answered, and how long their answer took.",
    ),
    Requests.ATTEMPT: (
        "currents_attempt_request_seconds",
        "Requests to Segment by the status of its answer (none: none came), and how long it took.",
    ),
}


def collect() -> Iterator[Metric]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    counted: dict[str, dict[str, dict[int, tuple[int, int]]]] = defaultdict(lambda: defaultdict(dict))
    for kind, status, bound, count, milliseconds in rows(_DURATIONS):
        counted[kind][status][bound] = (count, milliseconds)
    for requests, (name, text) in _FAMILIES.items():
        family = HistogramMetricFamily(name, text, labels=("status",))
        for status, by_bound in counted[requests].items():
            family.add_metric((status,), _cumulated(by_bound), sum(ms for _, ms in by_bound.values()) / 1000)
        yield family
    yield GaugeMetricFamily(
        "currents_intake_oldest_waiting_seconds",
        "How long the oldest body has waited to be stored, in the web process that answers this.",
        value=round(appender.oldest_seconds(), 3),
    )


def _cumulated(by_bound: dict[int, tuple[int, int]]) -> list[tuple[str, float]]:
    """Each bound in seconds with the requests that took at most that long."""
    buckets, total = [], 0
    for bound in (*BOUNDS, BEYOND):
        total += by_bound.get(bound, (0, 0))[0]
        buckets.append(("+Inf" if bound == BEYOND else f"{bound / 1000:g}", float(total)))
    return buckets
