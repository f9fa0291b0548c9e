"""The metrics: what the reports know, as a collector that Prometheus' own client writes down.

Nothing is counted in memory, because several web processes answer: each request asks the database. Labels are workspace
slugs, connector ids and words of ours, so their number is bounded by what people set up; no names, addresses, event
types or ids of events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector
from redis import RedisError

from connectors.models import Connector
from exporter.api import installation_metrics, source_metrics
from exporter.destinations.answer import FAMILIES, family
from exporter.dispatch import heartbeats, queues
from exporter.ledger.outcomes import Outcome
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.reports.summary import Summary

__all__ = ["CONTENT_TYPE", "exposition"]

log = structlog.get_logger(__name__)

_CONNECTOR = ("workspace", "connector")

_ATTEMPTS = """
SELECT d.connector_id, a.answer, a.count, a.milliseconds
  FROM exporter_attempttotal a JOIN exporter_delivery d ON d.id = a.delivery_id
 WHERE d.kind = 'live'
"""
_RECEIVED = """
SELECT w.slug, sum(t.count)::bigint FROM exporter_receivedtotal t JOIN connectors_workspace w ON w.id = t.workspace_id
 GROUP BY 1 ORDER BY 1
"""
# What a retry or a replay moved to delivered, by what it was.
_RECOVERED = """
SELECT connector_id, was, sum(count)::bigint FROM (
    SELECT d.connector_id, 'rejected' AS was, t.count
      FROM exporter_delivery d JOIN exporter_deliverytotal t ON t.delivery_id = d.id AND t.outcome = 'delivered'
     WHERE d.kind = 'retry'
     UNION ALL
    SELECT r.connector_id, v.was, v.count FROM exporter_replay r
     CROSS JOIN LATERAL (VALUES ('rejected', r.recovered_rejected), ('expired', r.recovered_expired)) v(was, count)
) moved GROUP BY 1, 2
"""
_REFUSED = """
SELECT w.slug, sum(r.count)::bigint FROM exporter_refusalcount r JOIN connectors_workspace w ON w.id = r.workspace_id
 GROUP BY 1 ORDER BY 1
"""
_CHORE_FAULTS = """
SELECT chore, count(*) FROM exporter_chorefault WHERE last_at > clock_timestamp() - interval '1 hour'
 GROUP BY 1 ORDER BY 1
"""


def exposition() -> bytes:
    """Every metric, in Prometheus' text format 0.0.4.

    Raises:
        DatabaseError: the database cannot be asked.
    """
    # A registry of its own: the client's global one would add the figures of whichever process answers.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything())
    return generate_latest(registry)


class _Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        connectors = Connector.objects.select_related("workspace").order_by("workspace__slug", "pk")
        summaries = status.summaries(connectors)
        yield from _events(summaries)
        yield from _states(summaries)
        yield from _attempts({each.connector.pk: _names(each) for each in summaries})
        yield from _intake()
        yield from _parts()
        yield from installation_metrics.collect()
        yield from source_metrics.collect()


def _events(summaries: list[Summary]) -> Iterator[Metric]:
    received = CounterMetricFamily(
        "currents_events_received", "Events received since the connector was launched.", labels=_CONNECTOR
    )
    by_outcome = CounterMetricFamily(
        "currents_events",
        "Events by outcome, counted as they were settled. A retry or replay that succeeds adds to delivered and takes "
        "nothing from rejected or expired, so that no counter ever falls.",
        labels=(*_CONNECTOR, "outcome"),
    )
    retried = CounterMetricFamily(
        "currents_events_retried",
        "Rejected events that were delivered by a retry or replay; a connector's page shows rejected − retried.",
        labels=_CONNECTOR,
    )
    replayed = CounterMetricFamily(
        "currents_events_replayed",
        "Expired events that were delivered by a replay; a connector's page shows expired − replayed.",
        labels=_CONNECTOR,
    )
    until_loss = GaugeMetricFamily(
        "currents_first_loss_seconds",
        "Seconds until the oldest waiting event expires, of connectors with waiting events.",
        labels=_CONNECTOR,
    )
    again = {(key, was): int(count) for key, was, count in _rows(_RECOVERED)}
    pending = GaugeMetricFamily(
        "currents_events_pending", "Events waiting to be delivered.", labels=_CONNECTOR
    )
    for each in summaries:
        names = _names(each)
        received.add_metric(names, each.received)
        pending.add_metric(names, each.pending)
        moved = {was: again.get((each.connector.pk, was), 0) for was in (Outcome.REJECTED, Outcome.EXPIRED)}
        retried.add_metric(names, moved[Outcome.REJECTED])
        replayed.add_metric(names, moved[Outcome.EXPIRED])
        for outcome, count in each.outcomes.items():
            by_outcome.add_metric((*names, outcome), count + moved.get(Outcome(outcome), 0))
        if each.first_loss_at is not None:
            until_loss.add_metric(names, (each.first_loss_at - each.now).total_seconds())
    yield from (received, by_outcome, retried, replayed, pending, until_loss)


def _states(summaries: list[Summary]) -> Iterator[Metric]:
    lag = GaugeMetricFamily(
        "currents_lag_seconds", "Age of the oldest waiting event, 0 if none is waiting.", labels=_CONNECTOR
    )
    states = GaugeMetricFamily(
        "currents_connector_health",
        "1 for the state a connector is in, 0 for the others.",
        labels=(*_CONNECTOR, "health"),
    )
    for each in summaries:
        names = _names(each)
        lag.add_metric(names, round(each.lag_seconds, 3))
        for health in Health:
            states.add_metric((*names, health.value), health == each.health)
    yield from (lag, states, *_over_all(summaries))


def _over_all(summaries: list[Summary]) -> Iterator[Metric]:
    """Over the connectors, because a mean hides the one that is stuck."""
    quantiles = GaugeMetricFamily(
        "currents_lag_quantile_seconds",
        "Age of the oldest waiting event, over the connectors that are not paused: quantile 1 is the worst of them.",
        labels=("quantile",),
    )
    lags = sorted(each.lag_seconds for each in summaries if each.health != Health.PAUSED) or [0.0]
    for quantile in (0.5, 0.9, 0.99, 1.0):
        place = max(0, math.ceil(quantile * len(lags)) - 1)
        quantiles.add_metric((f"{quantile:g}",), round(lags[place], 3))
    on_purpose = GaugeMetricFamily(
        "currents_connectors_holding_back",
        "Connectors with waiting events that send none on purpose, by the reason: paused, stopped until a probe "
        "succeeds, or waiting for the next attempt.",
        labels=("reason",),
    )
    for reason, holds in _HELD.items():
        on_purpose.add_metric((reason,), sum(each.pending > 0 and each.health in holds for each in summaries))
    yield from (quantiles, on_purpose)


_HELD = {
    "paused": {Health.PAUSED},
    "stopped": {Health.KEY_REJECTED, Health.REQUEST_REFUSED, Health.KEY_UNREADABLE, Health.LOG_DAMAGED},
    "retrying": {Health.RETRYING},
}


def _names(summary: Summary) -> tuple[str, str]:
    return summary.connector.workspace.slug, str(summary.connector.pk)


def _attempts(names: dict[int, tuple[str, str]]) -> Iterator[Metric]:
    counts = {key: dict.fromkeys(FAMILIES, 0) for key in names}
    milliseconds = {key: dict.fromkeys(FAMILIES, 0) for key in names}
    for connector_id, answer, count, spent in _rows(_ATTEMPTS):
        if connector_id in counts:
            counts[connector_id][family(answer)] += count
            milliseconds[connector_id][family(answer)] += spent
    labels = (*_CONNECTOR, "answer")
    attempts = CounterMetricFamily("currents_attempts", "Requests to Segment by answer.", labels=labels)
    seconds = CounterMetricFamily(
        "currents_attempt_seconds", "Seconds spent on requests to Segment by answer.", labels=labels
    )
    for key, own in names.items():
        for answer in FAMILIES:
            attempts.add_metric((*own, answer), counts[key][answer])
            seconds.add_metric((*own, answer), milliseconds[key][answer] / 1000)
    yield from (attempts, seconds)


def _intake() -> Iterator[Metric]:
    accepted = CounterMetricFamily(
        "currents_intake_events", "Events accepted at the intake and stored.", labels=("workspace",)
    )
    for slug, count in _rows(_RECEIVED):
        accepted.add_metric((slug,), count)
    refused = GaugeMetricFamily(
        "currents_intake_refused_last_90_days",
        "Events refused at the intake within the last 90 days.",
        labels=("workspace",),
    )
    for slug, count in _rows(_REFUSED):
        refused.add_metric((slug,), count)
    yield from (accepted, refused)


def _parts() -> Iterator[Metric]:
    ages = GaugeMetricFamily(
        "currents_sign_age_seconds", "Seconds since the last heartbeat of a part.", labels=("part",)
    )
    for part, age in sorted(heartbeats.ages().items()):
        ages.add_metric((part,), round(max(age, 0.0), 3))
    yield ages
    failing = GaugeMetricFamily(
        "currents_chore_failing_rows",
        "Rows a chore has failed for within the last hour; the log names them.",
        labels=("chore",),
    )
    for chore, count in _rows(_CHORE_FAULTS):
        failing.add_metric((chore,), count)
    yield failing
    lengths = _queue_lengths()
    if lengths is not None:
        waiting = GaugeMetricFamily(
            "currents_queue_length",
            "Wake-ups waiting in a queue. Absent while the broker does not answer.",
            labels=("queue",),
        )
        for queue, length in lengths.items():
            waiting.add_metric((queue,), length)
        yield waiting


def _queue_lengths() -> dict[str, int] | None:
    try:
        return queues.lengths()
    except (RedisError, OSError, ValueError) as error:
        log.info("broker.away", doing="metrics", error=type(error).__name__)
        return None


def _rows(query: str) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
