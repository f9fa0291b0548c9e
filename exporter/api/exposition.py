"""The metrics: what the reports know, as a collector that Prometheus' own client writes down.

Nothing is counted in memory, because several web processes answer: each request asks the database. Labels are workspace
slugs, connector ids and words of ours, so their number is bounded by what people set up; no names, addresses, event
types or ids of events.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from connectors.models import Connector
from exporter.api import (
    connector_metrics,
    installation_metrics,
    part_metrics,
    request_metrics,
    source_metrics,
)
from exporter.api.metric_rows import rows
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.reports.summary import Summary

__all__ = ["CONTENT_TYPE", "exposition"]

_RECEIVED = """
SELECT w.slug, sum(t.count)::bigint FROM exporter_receivedtotal t JOIN connectors_workspace w ON w.id = t.workspace_id
 GROUP BY 1 ORDER BY 1
"""
_REFUSED = """
SELECT w.slug, sum(r.count)::bigint FROM exporter_refusalcount r JOIN connectors_workspace w ON w.id = r.workspace_id
 GROUP BY 1 ORDER BY 1
"""


def exposition(*, of_connectors: bool = True) -> bytes:
    """Every metric, in Prometheus' text format 0.0.4; without those of single connectors where they are not wanted.

    Raises:
        DatabaseError: the database cannot be asked.
    """
    # A registry of its own: the client's global one would add the figures of whichever process answers.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(of_connectors))
    return generate_latest(registry)


class _Everything(Collector):
    def __init__(self, of_connectors: bool) -> None:
        self._of_connectors = of_connectors

    def collect(self) -> Iterator[Metric]:
        connectors = Connector.objects.select_related("workspace").order_by("workspace__slug", "pk")
        summaries = status.summaries(connectors)
        if self._of_connectors:
            yield from connector_metrics.collect(summaries)
        yield from _over_all(summaries)
        yield from _intake()
        yield from part_metrics.collect()
        yield from installation_metrics.collect()
        yield from request_metrics.collect()
        yield from source_metrics.collect()


def _over_all(summaries: list[Summary]) -> Iterator[Metric]:
    """Over the connectors, because a mean hides the one that is stuck."""
    quantiles = GaugeMetricFamily(
        "currents_lag_quantile_seconds",
        "Age of the oldest waiting event, over the connectors that are not paused: quantile 1 is the worst of them.",
        labels=("quantile",),
    )
    lags = sorted(each.lag_seconds for each in summaries if not each.connector.is_paused) or [0.0]
    for quantile in (0.5, 0.9, 0.99, 1.0):
        place = max(0, math.ceil(quantile * len(lags)) - 1)
        quantiles.add_metric((f"{quantile:g}",), round(lags[place], 3))
    on_purpose = GaugeMetricFamily(
        "currents_connectors_holding_back",
        "Connectors with waiting events that send none on purpose, by the reason: paused, stopped until a probe "
        "succeeds, or waiting for the next attempt.",
        labels=("reason",),
    )
    reasons = Counter(_holds_back(each) for each in summaries if each.pending > 0)
    for reason in HELD_BACK:
        on_purpose.add_metric((reason,), reasons[reason])
    states = GaugeMetricFamily(
        "currents_connectors", "Connectors by the state they are in.", labels=("health",)
    )
    for health in Health:
        states.add_metric((health.value,), sum(each.health == health for each in summaries))
    soonest = GaugeMetricFamily(
        "currents_first_loss_soonest_seconds",
        "Seconds until the oldest waiting event of all connectors expires. Absent where none waits.",
    )
    if losses := [
        (each.first_loss_at - each.now).total_seconds() for each in summaries if each.first_loss_at
    ]:
        soonest.add_metric((), min(losses))
    yield from (quantiles, on_purpose, states, soonest)


HELD_BACK = ("paused", "stopped", "retrying")


def _holds_back(summary: Summary) -> str:
    """Whatever its health is called: one that loses events is paused, stopped or retrying, too."""
    if summary.connector.is_paused:
        return "paused"
    if summary.stopped:
        return "stopped"
    return "retrying" if summary.failing_since is not None or summary.health == Health.RETRYING else ""


def _intake() -> Iterator[Metric]:
    accepted = CounterMetricFamily(
        "currents_intake_events", "Events accepted at the intake and stored.", labels=("workspace",)
    )
    for slug, count in rows(_RECEIVED):
        accepted.add_metric((slug,), count)
    refused = GaugeMetricFamily(
        "currents_intake_refused_last_90_days",
        "Events refused at the intake within the last 90 days.",
        labels=("workspace",),
    )
    for slug, count in rows(_REFUSED):
        refused.add_metric((slug,), count)
    yield from (accepted, refused)
