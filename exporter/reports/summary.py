"""The state of a connector's delivery in numbers, for pages and the API.

Everything here reads totals and hours, never the log itself, so the cost does not grow with history; nor does the
number of statements with the number of connectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from connectors.models import Connector, Workspace
from exporter.ledger.outcomes import Outcome
from exporter.models import Attempt
from exporter.reports.health import LOSING, Health, Signs, judge
from exporter.reports.incident_cost import LOST
from exporter.reports.windows import TypeFlow, type_flow

HOURS = 24


@dataclass(frozen=True, slots=True)
class Summary:
    """A connector's live delivery in numbers.

    `received` is since launch and equals Σ `outcomes` + `pending`; `hourly` holds 24 counts of delivered events by hour
    of receipt, oldest first. Of what was lost within the last minutes, `lost` events have expired since `losing_since`;
    `accepting_since` is when events were accepted again, None while that incident is open. `stopped` is a `Stopped`.

    `key_rejected_at` is when Segment began to reject the key in use, `key_rejected_again_at` when it last did; both
    None while it has not since the key came in use. What is known of an earlier key is no part of them.
    """

    connector: Connector
    delivery_id: int
    health: Health
    received: int
    outcomes: dict[str, int]
    pending: int
    lag_seconds: float
    failing_since: datetime | None
    next_attempt_at: datetime | None
    accepted_at: datetime | None
    delivered_24h: int
    hourly: list[int]
    oldest_pending_at: datetime | None
    first_loss_at: datetime | None
    losing_since: datetime | None
    lost: int
    accepting_since: datetime | None
    stopped: str
    verified: bool
    key_last4: str
    key_fingerprint: str
    key_created_at: datetime
    key_rejected_at: datetime | None
    key_rejected_again_at: datetime | None
    last_answer: str
    now: datetime

    @property
    def key_rejected(self) -> bool:
        """Whether it is known that Segment rejects the key in use, and not only the one before it."""
        return self.key_rejected_at is not None or self.key_rejected_again_at is not None

    @property
    def none_accepted_since(self) -> datetime | None:
        """While it fails: the last acceptance, or the launch where there was none; None while it works."""
        if self.failing_since is None:
            return None
        return self.accepted_at or self.connector.created_at


class Seen(NamedTuple):
    """What a workspace's intake has received."""

    last_received_at: datetime | None
    received_24h: int
    hourly: list[int]


# One statement, so that all numbers of a connector are of one moment and add up. The bounds of a search must be part of
# it and stable (`statement_timestamp`); otherwise PostgreSQL reads all history and filters it afterwards.
_STATE = f"""
SELECT c.id, d.id, d.start, d.cursor, l.next_event, d.stopped, d.failing_since, d.next_attempt_at, d.accepted_at,
       d.moved_at, d.expired_at, oldest.received_at, k.last4, k.created_at, k.verified_at IS NOT NULL,
       failed.status, failed.error, loss.created_at, loss.lost, totals.outcomes::text, hours.delivered::text,
       clock_timestamp(), k.fingerprint, CASE WHEN k.rejected_at >= k.activated_at THEN k.rejected_at END,
       CASE WHEN failed.verdict = 'key_rejected' AND failed.at >= k.activated_at THEN failed.at END,
       loss.accepting_since
  FROM connectors_connector c
  JOIN exporter_delivery d ON d.connector_id = c.id AND d.kind = 'live'
  JOIN exporter_eventlog l ON l.workspace_id = c.workspace_id
  JOIN connectors_writekey k ON k.connector_id = c.id AND k.activated_at IS NOT NULL AND k.retired_at IS NULL
  LEFT JOIN LATERAL (
       SELECT b.received_at FROM exporter_eventbatch b
        WHERE d.cursor < l.next_event AND b.workspace_id = d.workspace_id AND b.end_event > d.cursor
        ORDER BY b.end_event LIMIT 1
  ) oldest ON true
  LEFT JOIN LATERAL (
       SELECT a.status, a.error, a.verdict, a.at FROM exporter_attempt a
        WHERE d.failing_since IS NOT NULL AND a.delivery_id = d.id AND a.verdict <> 'accepted'
        ORDER BY a.at DESC LIMIT 1
  ) failed ON true
  LEFT JOIN LATERAL (
       SELECT n.created_at, CASE WHEN i.closed_at IS NULL THEN {LOST} ELSE i.lost END AS lost,
              CASE WHEN i.closed_at IS NOT NULL THEN coalesce(i.recovered_at, i.closed_at) END AS accepting_since
         FROM exporter_incident i JOIN exporter_notice n ON n.incident_id = i.id AND n.step = 'dropping'
        WHERE d.expired_at > statement_timestamp() - %s AND i.connector_id = c.id
        ORDER BY i.id DESC LIMIT 1
  ) loss ON true
  LEFT JOIN LATERAL (
       SELECT jsonb_object_agg(t.outcome, t.count) AS outcomes
         FROM (SELECT outcome, sum(count)::bigint AS count FROM exporter_deliverytotal
                WHERE delivery_id = d.id GROUP BY outcome) t
  ) totals ON true
  LEFT JOIN LATERAL (
       SELECT jsonb_object_agg((extract(epoch FROM date_trunc('hour', statement_timestamp()) - h.hour) / 3600)::int,
                               h.count) AS delivered
         FROM exporter_deliveryhour h
        WHERE h.delivery_id = d.id AND h.outcome = 'delivered'
          AND h.hour > date_trunc('hour', statement_timestamp()) - interval '24 hours'
          AND h.hour <= statement_timestamp()
  ) hours ON true
 WHERE c.id = ANY(%s)
"""  # noqa: S608 - a constant of ours
_BY_TYPE = """
WITH received AS (
    SELECT d.id AS delivery_id, t.event_type, t.count - coalesce(s.count, 0) AS count, t.last_received_at
      FROM exporter_delivery d
      JOIN exporter_receivedtotal t ON t.workspace_id = d.workspace_id
      LEFT JOIN exporter_deliverystart s ON s.delivery_id = d.id AND s.event_type = t.event_type
     WHERE d.connector_id = %s AND d.kind = 'live'
)
SELECT r.event_type, r.count, r.last_received_at, t.outcome, t.count
  FROM received r
  LEFT JOIN exporter_deliverytotal t ON t.delivery_id = r.delivery_id AND t.event_type = r.event_type
 WHERE r.count > 0
"""
_SEEN = """
SELECT (extract(epoch FROM date_trunc('hour', statement_timestamp()) - date_trunc('hour', minute)) / 3600)::int,
       sum(count)::bigint
  FROM exporter_receivedcount
 WHERE workspace_id = %s AND minute >= date_trunc('hour', statement_timestamp()) - interval '23 hours'
   AND minute <= statement_timestamp()
 GROUP BY 1
"""
_LAST_SEEN = "SELECT max(last_received_at) FROM exporter_receivedtotal WHERE workspace_id = %s"


def summaries(connectors: Iterable[Connector]) -> list[Summary]:
    """One summary per connector, in the order given, with one statement however many there are."""
    wanted = list(connectors)
    if not wanted:
        return []
    states = {row[0]: row[1:] for row in _rows(_STATE, [LOSING, [connector.pk for connector in wanted]])}
    return [_summary(connector, states[connector.pk]) for connector in wanted if connector.pk in states]


def summary(connector: Connector) -> Summary:
    """Raises Connector.DoesNotExist if it has been deleted in the meantime."""
    for found in summaries([connector]):
        return found
    raise Connector.DoesNotExist


def _summary(connector: Connector, state: tuple[Any, ...]) -> Summary:
    (delivery_id, start, cursor, head, stopped, failing_since, next_attempt_at, accepted_at, moved_at) = (
        state[:9]
    )
    (expired_at, oldest_at, last4, key_created_at, verified, status, error) = state[9:16]
    losing_since, lost, now = state[16], state[17] or 0, state[20]
    fingerprint, key_rejected_at, key_rejected_again_at, accepting_since = state[21:25]
    outcomes, hours = _decoded(state[18]), _decoded(state[19])
    lag = max(0.0, (now - oldest_at).total_seconds()) if oldest_at else 0.0
    paused = connector.is_paused
    signs = Signs(stopped, paused, head - start, lag, failing_since, moved_at, expired_at, now)
    hourly = [hours.get(str(HOURS - 1 - place), 0) for place in range(HOURS)]
    expiry = timedelta(hours=settings.CURRENTS_EXPIRY_HOURS)
    return Summary(
        connector=connector,
        delivery_id=delivery_id,
        health=judge(signs),
        received=head - start,
        outcomes={outcome.value: outcomes.get(outcome, 0) for outcome in Outcome},
        pending=head - cursor,
        lag_seconds=lag,
        failing_since=failing_since,
        next_attempt_at=next_attempt_at,
        accepted_at=accepted_at,
        delivered_24h=sum(hourly),
        hourly=hourly,
        oldest_pending_at=oldest_at,
        first_loss_at=oldest_at + expiry if oldest_at else None,
        losing_since=losing_since,
        lost=lost,
        accepting_since=accepting_since,
        stopped=stopped,
        verified=verified,
        key_last4=last4,
        key_fingerprint=fingerprint,
        key_created_at=key_created_at,
        key_rejected_at=key_rejected_at,
        key_rejected_again_at=key_rejected_again_at,
        last_answer=str(status) if status else (error or ""),
        now=now,
    )


def by_type(connector: Connector) -> list[TypeFlow]:
    """Every event type received since launch, most received first."""
    received: dict[str, tuple[int, datetime]] = {}
    outcomes: dict[str, dict[str, int]] = {}
    for event_type, count, last, outcome, settled in _rows(_BY_TYPE, [connector.pk]):
        received[event_type] = (count, last)
        own = outcomes.setdefault(event_type, {result.value: 0 for result in Outcome})
        if outcome:
            own[outcome] = settled
    rows = [
        type_flow(event_type, count, outcomes[event_type], last)
        for event_type, (count, last) in received.items()
    ]
    return sorted(rows, key=lambda row: (-row.received, row.event_type))


def attempts(delivery_id: int, limit: int) -> list[Attempt]:
    """The newest attempts of a delivery."""
    return list(Attempt.objects.filter(delivery_id=delivery_id).order_by("-at")[:limit])


def intake_seen(workspace: Workspace) -> Seen:
    ((last,),) = _rows(_LAST_SEEN, [workspace.pk])
    hourly = [0] * HOURS
    for ago, count in _rows(_SEEN, [workspace.pk]):
        hourly[HOURS - 1 - ago] += count
    return Seen(last, sum(hourly), hourly)


def stamp(connector: Connector) -> str:
    """A text that changes whenever the connector's page would show something else (ages aside)."""
    rows = _rows(
        """
        SELECT d.settles, d.cursor, l.next_event, d.next_attempt_at, d.stopped, c.version, c.state
          FROM connectors_connector c
          JOIN exporter_delivery d ON d.connector_id = c.id AND d.kind = 'live'
          JOIN exporter_eventlog l ON l.workspace_id = c.workspace_id
         WHERE c.id = %s
        """,
        [connector.pk],
    )
    return "-".join(str(value) for value in rows[0]) if rows else ""


def _decoded(counts: str | None) -> dict[str, int]:
    found: dict[str, int] = json.loads(counts or "{}")
    return found


def _rows(query: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
