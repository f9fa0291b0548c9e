"""Time series: what the charts of a connector's page show, in one statement, so that everything is of one moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from exporter.destinations.answer import FAMILIES, family
from exporter.ledger.delay_buckets import percentile
from exporter.ledger.outcomes import Outcome
from exporter.reports.summary import Summary
from exporter.reports.windows import WEEK, TimeWindow

PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
NOT_DELIVERED = (Outcome.REJECTED.value, "not_sent", Outcome.EXPIRED.value)
EVENT_ROWS = (Outcome.DELIVERED.value, *NOT_DELIVERED, "waiting")
STRIP_CELLS, STRIP_STEP = 84, 7_200
# A cell is amber if more than this share of its requests failed; a single 429 is no trouble.
_TOLERABLE = 0.02
_STOPPING = frozenset({"refused"})
# These answers come while a body is being halved because of one event: nothing is wrong with the connection.
_OF_CONTENT = frozenset({"400", "413"})
_TRENDS = """
SELECT 'outcome', floor(extract(epoch FROM {moment} - %(since)s) / %(step)s)::int, outcome, sum(count)::bigint
  FROM exporter_{table}
 WHERE delivery_id = %(delivery)s AND {moment} >= %(since)s AND {moment} <= %(now)s GROUP BY 2, 3
 UNION ALL
SELECT 'received', floor(extract(epoch FROM minute - %(since)s) / %(step)s)::int, '', sum(count)::bigint
  FROM exporter_receivedcount
 WHERE %(pending)s AND workspace_id = %(workspace)s AND minute >= %(since)s AND minute <= %(now)s GROUP BY 2
 UNION ALL
SELECT 'delay', floor(extract(epoch FROM minute - %(since)s) / %(step)s)::int, bucket::text, sum(count)::bigint
  FROM exporter_deliverydelay
 WHERE delivery_id = %(delivery)s AND minute >= %(since)s AND minute <= %(now)s GROUP BY 2, 3
 UNION ALL
SELECT 'attempt', floor(extract(epoch FROM minute - %(since)s) / %(step)s)::int, answer, sum(count)::bigint
  FROM exporter_attemptcount
 WHERE delivery_id = ANY(%(requests_of)s) AND minute >= %(since)s AND minute <= %(now)s GROUP BY 2, 3
 UNION ALL
SELECT 'strip', floor(extract(epoch FROM minute - %(week)s) / %(cell)s)::int, answer, sum(count)::bigint
  FROM exporter_attemptcount
 WHERE delivery_id = %(delivery)s AND minute >= %(week)s AND minute <= %(now)s GROUP BY 2, 3
"""
Counts = dict[int, Counter[str]]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Named rows of one value per step, oldest first; `begins` are the times the steps begin. None is a gap."""

    begins: list[datetime]
    rows: dict[str, list[float | None]]

    @property
    def totals(self) -> dict[str, float]:
        """Of each row; without meaning for delays."""
        return {name: sum(value or 0 for value in row) for name, row in self.rows.items()}

    @property
    def empty(self) -> bool:
        return not any(value for row in self.rows.values() for value in row)


@dataclass(frozen=True, slots=True)
class Cell:
    """Two hours of the health strip: `ok`, `warn` (some requests failed), `bad` (refused), `none` (nothing sent)."""

    at: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Trends:
    """`events` has the rows delivered, rejected (by Segment), not_sent (over 32 KB, or Segment would have dropped it),
    expired, waiting; what is not told apart is among the rejected. `answers` counts requests by status code or `none`,
    the most frequent first."""

    window: TimeWindow
    events: Timeline
    delays: Timeline
    attempts: Timeline
    answers: list[tuple[str, int]]
    strip: list[Cell]


def trends(
    summary: Summary,
    window: TimeWindow,
    not_sent: Mapping[datetime, int] | None = None,
    requests_of: Sequence[int] = (),
) -> Trends:
    """`not_sent` is what never left, by the window's unit of receipt, as its balance tells it. `requests_of` are the
    deliveries whose requests are counted; the live one's where none are given."""
    since, week = window.since(summary.now), WEEK.since(summary.now)
    counts = _read(summary, window, since, week, list(requests_of) or [summary.delivery_id])
    for moment, count in (not_sent or {}).items():
        counts["not_sent"][int((moment - since).total_seconds() // window.step)][""] += count
    begins = [since + timedelta(seconds=window.step * step) for step in range(window.steps)]
    answers: Counter[str] = Counter()
    for found in counts["attempt"].values():
        answers.update(found)
    return Trends(
        window,
        Timeline(begins, _events(counts, begins, summary, window)),
        Timeline(begins, _delays(counts["delay"], window.steps)),
        Timeline(begins, _attempts(counts["attempt"], window.steps)),
        answers.most_common(),
        _strip(counts["strip"], week),
    )


def _read(
    summary: Summary, window: TimeWindow, since: datetime, week: datetime, requests_of: list[int]
) -> dict[str, Counts]:
    """`{kind: {step: {name: count}}}`. The names of tables and columns in the statement are constants of this
    module."""
    table, moment = ("deliverycount", "minute") if window.step < 3_600 else ("deliveryhour", "hour")
    terms: dict[str, Any] = {
        "delivery": summary.delivery_id,
        "requests_of": requests_of,
        "workspace": summary.connector.workspace_id,
        "pending": summary.pending > 0,
        "since": since,
        "week": week,
        "now": summary.now,
        "step": window.step,
        "cell": STRIP_STEP,
    }
    counts: dict[str, Counts] = defaultdict(lambda: defaultdict(Counter))
    with connection.cursor() as cursor:
        cursor.execute(_TRENDS.format(table=table, moment=moment), terms)
        for kind, step, name, count in cursor.fetchall():
            counts[kind][step][name] += count
    return counts


def _events(
    counts: dict[str, Counts], begins: list[datetime], summary: Summary, window: TimeWindow
) -> dict[str, list[float | None]]:
    """Steps before the launch are gaps: events received then do not belong to the connector."""
    rows: dict[str, list[float | None]] = {name: [] for name in EVENT_ROWS}
    launched = summary.connector.created_at
    for step, begin in enumerate(begins):
        settled = counts["outcome"].get(step, Counter())
        known = begin + timedelta(seconds=window.step) > launched
        # The rows are read a moment after the counts, so there may be more of them.
        not_sent = min(counts["not_sent"].get(step, Counter())[""], settled[Outcome.REJECTED])
        told = {
            Outcome.DELIVERED: settled[Outcome.DELIVERED],
            Outcome.REJECTED: settled[Outcome.REJECTED] - not_sent,
            "not_sent": not_sent,
            Outcome.EXPIRED: settled[Outcome.EXPIRED],
        }
        for name, count in told.items():
            rows[name].append(float(count) if known else None)
        # The launch step also holds events received before the launch, so the total bounds what can be waiting.
        waiting = counts["received"].get(step, Counter())[""] - settled.total()
        rows["waiting"].append(float(min(max(waiting, 0), summary.pending)) if known else None)
    return rows


def _delays(counts: Counts, steps: int) -> dict[str, list[float | None]]:
    by_bucket = {step: {int(name): count for name, count in found.items()} for step, found in counts.items()}
    return {
        name: [percentile(by_bucket.get(step, {}), share) for step in range(steps)]
        for name, share in PERCENTILES
    }


def _attempts(counts: Counts, steps: int) -> dict[str, list[float | None]]:
    rows: dict[str, list[float | None]] = {name: [0.0] * steps for name in FAMILIES}
    for step, found in counts.items():
        for answer, count in found.items():
            if 0 <= step < steps:
                row = rows[family(answer)]
                row[step] = (row[step] or 0) + count
    return rows


def _strip(counts: Counts, week: datetime) -> list[Cell]:
    return [
        Cell(week + timedelta(seconds=STRIP_STEP * place), cell_kind(counts.get(place, Counter())))
        for place in range(STRIP_CELLS)
    ]


def cell_kind(answers: Counter[str]) -> str:
    """The kind of a cell, judged by the answers of its two hours."""
    total = answers.total()
    if not total:
        return "none"
    wrong = {answer: count for answer, count in answers.items() if _is_trouble(answer)}
    if any(family(answer) in _STOPPING for answer in wrong):
        return "bad"
    return "warn" if sum(wrong.values()) > _TOLERABLE * total else "ok"


def _is_trouble(answer: str) -> bool:
    return family(answer) != "accepted" and answer not in _OF_CONTENT
