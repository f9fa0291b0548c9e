"""Metrics of single connectors: some forty series each, so whoever has thousands may do without them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.api.metric_rows import rows
from exporter.destinations.answer import FAMILIES, family
from exporter.ledger.outcomes import Outcome
from exporter.reports.health import Health
from exporter.reports.summary import Summary

_CONNECTOR = ("workspace", "connector")

_ATTEMPTS = """
SELECT d.connector_id, a.answer, a.count, a.milliseconds
  FROM exporter_attempttotal a JOIN exporter_delivery d ON d.id = a.delivery_id
 WHERE d.kind = 'live'
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


def collect(summaries: list[Summary]) -> Iterator[Metric]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    yield from _events(summaries)
    yield from _states(summaries)
    yield from _attempts({each.connector.pk: _names(each) for each in summaries})


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
    again = {(key, was): int(count) for key, was, count in rows(_RECOVERED)}
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
    yield from (lag, states)


def _names(summary: Summary) -> tuple[str, str]:
    return summary.connector.workspace.slug, str(summary.connector.pk)


def _attempts(names: dict[int, tuple[str, str]]) -> Iterator[Metric]:
    counts = {key: dict.fromkeys(FAMILIES, 0) for key in names}
    milliseconds = {key: dict.fromkeys(FAMILIES, 0) for key in names}
    for connector_id, answer, count, spent in rows(_ATTEMPTS):
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
