"""Metrics in Prometheus's text format, version 0.0.4 (prometheus.io/docs, "Exposition formats").

Labels are workspace slugs, connector ids and words of ours, so their number is bounded by what people set up; no
names, addresses, event types or ids of events.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from redis import Redis, RedisError

from connectors.models import Connector
from exporter.destinations.answer import FAMILIES, family
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.reports.summary import Summary

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUEUES = ("delivery", "retry", "chores")
_ASK_SECONDS = 0.25

Labels = dict[str, str | int]


class Family(NamedTuple):
    """A metric with its samples; `kind` is `counter` or `gauge`."""

    name: str
    kind: str
    help: str
    samples: list[tuple[Labels, float]]


_ATTEMPTS = """
SELECT d.connector_id, a.answer, a.count, a.milliseconds
  FROM exporter_attempttotal a JOIN exporter_delivery d ON d.id = a.delivery_id
 WHERE d.kind = 'live'
"""
_RECEIVED = """
SELECT w.slug, sum(t.count)::bigint FROM exporter_receivedtotal t JOIN connectors_workspace w ON w.id = t.workspace_id
 GROUP BY 1 ORDER BY 1
"""
_REFUSED = """
SELECT w.slug, sum(r.count)::bigint FROM exporter_refusalcount r JOIN connectors_workspace w ON w.id = r.workspace_id
 GROUP BY 1 ORDER BY 1
"""
_SIGNS = "SELECT part, extract(epoch FROM clock_timestamp() - at)::float8 FROM exporter_sign ORDER BY part"


def exposition() -> str:
    """Everything, as Prometheus reads it."""
    return "".join(_text(each) for each in (*_connectors(), *_intake(), *_parts()))


def _connectors() -> Iterator[Family]:
    connectors = Connector.objects.select_related("workspace").order_by("workspace__slug", "pk")
    summaries = status.summaries(connectors)
    yield from _events(summaries)
    yield from _states(summaries)
    yield from _attempts({each.connector.pk: _labels(each) for each in summaries})


def _events(summaries: list[Summary]) -> Iterator[Family]:
    yield Family(
        "currents_events_received_total",
        "counter",
        "Events received since the connector was launched.",
        [(_labels(each), each.received) for each in summaries],
    )
    yield Family(
        "currents_events_total",
        "counter",
        "Events by what became of them. A retry that succeeds takes one from rejected and adds it to delivered.",
        [
            (_labels(each) | {"outcome": outcome}, count)
            for each in summaries
            for outcome, count in each.outcomes.items()
        ],
    )
    yield Family(
        "currents_events_pending",
        "gauge",
        "Events that wait.",
        [(_labels(each), each.pending) for each in summaries],
    )


def _states(summaries: list[Summary]) -> Iterator[Family]:
    yield Family(
        "currents_lag_seconds",
        "gauge",
        "Age of the oldest event that waits, 0 without one.",
        [(_labels(each), round(each.lag_seconds, 3)) for each in summaries],
    )
    yield Family(
        "currents_connector_health",
        "gauge",
        "1 for the state a connector is in, 0 for the others.",
        [
            (_labels(each) | {"health": health.value}, int(health == each.health))
            for each in summaries
            for health in Health
        ],
    )


def _labels(summary: Summary) -> Labels:
    return {"workspace": summary.connector.workspace.slug, "connector": summary.connector.pk}


def _attempts(labels: dict[int, Labels]) -> Iterator[Family]:
    counts = {key: dict.fromkeys(FAMILIES, 0) for key in labels}
    milliseconds = {key: dict.fromkeys(FAMILIES, 0) for key in labels}
    for connector_id, answer, count, spent in _rows(_ATTEMPTS):
        if connector_id in counts:
            counts[connector_id][family(answer)] += count
            milliseconds[connector_id][family(answer)] += spent
    yield Family(
        "currents_attempts_total",
        "counter",
        "Requests to Segment by answer.",
        [(labels[key] | {"answer": name}, n) for key, own in counts.items() for name, n in own.items()],
    )
    yield Family(
        "currents_attempt_seconds_total",
        "counter",
        "Seconds spent on requests to Segment by answer.",
        [
            (labels[key] | {"answer": name}, spent / 1000)
            for key, own in milliseconds.items()
            for name, spent in own.items()
        ],
    )


def _intake() -> Iterator[Family]:
    yield Family(
        "currents_intake_events_total",
        "counter",
        "Events accepted at the intake and stored.",
        [({"workspace": slug}, count) for slug, count in _rows(_RECEIVED)],
    )
    yield Family(
        "currents_intake_refused_last_90_days",
        "gauge",
        "Events refused at the intake within the last 90 days.",
        [({"workspace": slug}, count) for slug, count in _rows(_REFUSED)],
    )


def _parts() -> Iterator[Family]:
    yield Family(
        "currents_sign_age_seconds",
        "gauge",
        "Seconds since a part of the system last gave a sign of life.",
        [({"part": part}, round(max(age, 0.0), 3)) for part, age in _rows(_SIGNS)],
    )
    lengths = _queue_lengths()
    if lengths is not None:
        yield Family(
            "currents_queue_length",
            "gauge",
            "Doorbells that wait in a queue. Absent while the broker does not answer.",
            [({"queue": queue}, length) for queue, length in lengths.items()],
        )


def _queue_lengths() -> dict[str, int] | None:
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix") or ""
    try:
        client = Redis.from_url(
            settings.REDIS_URL, socket_timeout=_ASK_SECONDS, socket_connect_timeout=_ASK_SECONDS
        )
        with client, client.pipeline(transaction=False) as asked:
            for queue in QUEUES:
                asked.llen(f"{prefix}{queue}")
            return dict(zip(QUEUES, asked.execute(), strict=True))
    except (RedisError, OSError, ValueError) as error:
        log.info("The broker does not answer (%s).", type(error).__name__)
        return None


def _text(metric: Family) -> str:
    lines = [f"# HELP {metric.name} {metric.help}\n", f"# TYPE {metric.name} {metric.kind}\n"]
    lines += [f"{metric.name}{_braces(labels)} {_number(value)}\n" for labels, value in metric.samples]
    return "".join(lines)


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str | int) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _rows(query: str) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
