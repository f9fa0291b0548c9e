"""Timelines: a window cut into steps, for charts. Events and attempts are never mixed in one of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from connectors.models import Connector
from exporter.delays import percentile
from exporter.outcomes import Outcome
from exporter.windows import Window

PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
NOT_DELIVERED = (Outcome.REJECTED, Outcome.EXPIRED)
# Answers by family: so the chart has few colours, whatever Segment answers.
FAMILIES = ("accepted", "refused", "wait", "none")
_WAITS = {408, 410, 429, 460}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Named rows of one value per step, oldest first; `begins` are the steps' beginnings. None: nothing to tell."""

    begins: list[datetime]
    rows: dict[str, list[float | None]]

    @property
    def empty(self) -> bool:
        return not any(value for row in self.rows.values() for value in row)


_STEP = "floor(extract(epoch FROM {moment} - %(since)s) / %(step)s)::int"
_DELIVERY = "(SELECT id FROM exporter_delivery WHERE connector_id = %(connector)s AND kind = 'live')"
# Hours hold all event types together; minutes are read only where a step is shorter than an hour.
_OUTCOMES = """
SELECT {step}, outcome, sum(count)::bigint FROM exporter_{table}
 WHERE delivery_id = {delivery} AND {moment} >= %(since)s AND {moment} <= %(now)s GROUP BY 1, 2
"""
_DELAYS = """
SELECT {step}, bucket, sum(count)::bigint FROM exporter_deliverydelay
 WHERE delivery_id = {delivery} AND minute >= %(since)s AND minute <= %(now)s GROUP BY 1, 2
"""
_ATTEMPTS = """
SELECT {step}, answer, sum(count)::bigint FROM exporter_attemptcount
 WHERE delivery_id = {delivery} AND minute >= %(since)s AND minute <= %(now)s GROUP BY 1, 2
"""


def outcomes(connector: Connector, window: Window, now: datetime) -> Timeline:
    """Events by step of receipt: `delivered`, and `rejected` and `expired`, which were not."""
    table, moment = ("deliverycount", "minute") if window.step < 3_600 else ("deliveryhour", "hour")
    rows = _rows(_OUTCOMES, connector, window, now, table=table, moment=moment)
    names = [Outcome.DELIVERED.value, *(outcome.value for outcome in NOT_DELIVERED)]
    found: dict[str, list[float | None]] = {name: [0.0] * window.steps for name in names}
    for step, outcome, count in rows:
        if outcome in found:
            found[outcome][step] = count
    return Timeline(_begins(window, now), found)


def delays(connector: Connector, window: Window, now: datetime) -> Timeline:
    """Seconds from received to accepted, by step of receipt: upper bounds of p50, p95 and p99; None where nothing
    was accepted."""
    steps: dict[int, dict[int, int]] = defaultdict(dict)
    for step, bucket, count in _rows(_DELAYS, connector, window, now):
        steps[step][bucket] = count
    found = {
        name: [percentile(steps.get(step, {}), share) for step in range(window.steps)]
        for name, share in PERCENTILES
    }
    return Timeline(_begins(window, now), found)


def attempts(connector: Connector, window: Window, now: datetime) -> Timeline:
    """Requests by step of sending and family of answer."""
    found: dict[str, list[float | None]] = {name: [0.0] * window.steps for name in FAMILIES}
    for step, answer, count in _rows(_ATTEMPTS, connector, window, now):
        row = found[family(answer)]
        row[step] = (row[step] or 0) + count
    return Timeline(_begins(window, now), found)


def family(answer: str) -> str:
    """`accepted`, `refused` (Segment will not have it), `wait` (it may later), or `none` (no answer)."""
    if not answer.isdecimal():
        return "none"
    status = int(answer)
    if 200 <= status < 300:
        return "accepted"
    return "wait" if status >= 500 or status in _WAITS else "refused"


def _begins(window: Window, now: datetime) -> list[datetime]:
    since = window.since(now)
    return [since + timedelta(seconds=window.step * step) for step in range(window.steps)]


def _rows(
    query: str,
    connector: Connector,
    window: Window,
    now: datetime,
    *,
    table: str = "",
    moment: str = "minute",
) -> list[tuple[Any, ...]]:
    """Names of tables and columns are this module's own."""
    step = _STEP.format(moment=moment)
    text = query.format(step=step, delivery=_DELIVERY, table=table, moment=moment)
    since = window.since(now)
    terms: dict[str, Any] = {"connector": connector.pk, "since": since, "now": now, "step": window.step}
    with connection.cursor() as cursor:
        cursor.execute(text, terms)
        return [row for row in cursor.fetchall() if 0 <= row[0] < window.steps]
