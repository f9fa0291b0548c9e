"""How a replay stands: what became of the events that were asked for, how far it is, how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from django.db.models import Sum

from connectors.models import Connector, Workspace
from exporter import sql
from exporter.ledger.outcomes import Outcome
from exporter.log import retention
from exporter.log.batches import OTHER
from exporter.models import DeliveryKind, EventBatch, Replay, ReplayState, Upload
from exporter.models.counts import DeliveryTotal

_KEPT = """
SELECT b.received_at, d.cursor - greatest(b.first_event, d.start, coalesce(m.first_event, 0))
  FROM exporter_delivery d
  LEFT JOIN exporter_logmark m ON m.workspace_id = d.workspace_id
  JOIN LATERAL (SELECT first_event, received_at FROM exporter_eventbatch
                 WHERE workspace_id = d.workspace_id AND end_event > greatest(d.start, coalesce(m.first_event, 0))
                 ORDER BY end_event LIMIT 1) b ON true
 WHERE d.connector_id = %(connector)s AND d.kind = 'live'
"""
# Counts are kept by the minute and later by the hour, so what is kept of the first hour is counted as kept whole.
_EXPIRED = """
SELECT min(c.minute) FILTER (WHERE c.count > 0), sum(c.count)::bigint
  FROM exporter_delivery d
  LEFT JOIN exporter_logmark m ON m.workspace_id = d.workspace_id
  JOIN LATERAL (SELECT received_at FROM exporter_eventbatch
                 WHERE workspace_id = d.workspace_id AND end_event > greatest(d.start, coalesce(m.first_event, 0))
                 ORDER BY end_event LIMIT 1) b ON true
  JOIN exporter_deliverycount c ON c.delivery_id = d.id AND c.outcome = 'expired'
   AND c.minute >= date_trunc('hour', b.received_at, 'UTC')
 WHERE d.connector_id = %(connector)s AND d.kind = 'live'
"""


# The requests of so short a time that a pause does not count for long. Each began where the one before it ended, so the
# newest adds no way of its own.
_PACE = """
SELECT count(*), coalesce(sum(events), 0)::bigint, max(first_event) - min(first_event),
       extract(epoch FROM max(at) - min(at))::float8
  FROM (SELECT at, events, first_event FROM exporter_attempt
         WHERE delivery_id = %(delivery)s AND verdict = 'accepted' AND at > clock_timestamp() - interval '20 seconds'
         ORDER BY at DESC LIMIT 200) newest
"""


class Pace(NamedTuple):
    """How many events are accepted a second, and how many event numbers are passed."""

    events: float
    numbers: float


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """`passed` of `span` event numbers are behind it, `done` of about `replay.events` events; `outcomes` are those of
    its own ledger, without what was passed over because nobody asked for it. `upload` is what was imported for it;
    None where it replays the log. `pace` is how it goes of late; None where that cannot be told."""

    replay: Replay
    upload: Upload | None
    state: ReplayState
    passed: int
    span: int
    outcomes: dict[str, int]
    failing_since: datetime | None
    next_attempt_at: datetime | None
    seconds: float
    pace: Pace | None = None

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    @property
    def per_second(self) -> float:
        """Events a second: of late while it runs, else since it began, pauses included; 0 before."""
        if self.pace is not None:
            return self.pace.events
        return self.done / self.seconds if self.seconds > 1 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """As it goes of late, or else as it went so far; None where that says nothing."""
        if self.state != ReplayState.RUNNING or not self.passed or self.seconds < 1:
            return None
        if self.pace is not None:
            return (self.span - self.passed) / self.pace.numbers
        return (self.span - self.passed) * self.seconds / self.passed


def of_connector(connector: Connector, most: int = 50) -> list[ReplayProgress]:
    """The connector's replays, the newest first."""
    rows = Replay.objects.filter(connector=connector).select_related("delivery", "created_by").order_by("-pk")
    return progress(rows[:most])


def one(connector: Connector, replay_id: int) -> ReplayProgress | None:
    """None for another connector's."""
    rows = Replay.objects.filter(connector=connector, pk=replay_id).select_related("delivery", "created_by")
    found = next(iter(progress(rows)), None)
    if found is None or found.state != ReplayState.RUNNING:
        return found
    return replace(found, pace=_pace(found.replay.delivery_id))


def _pace(delivery_id: int) -> Pace | None:
    requests, events, numbers, seconds = sql.execute(_PACE, {"delivery": delivery_id})[0]
    if requests < 2 or seconds < 1 or numbers < 1:
        return None
    return Pace(events * (requests - 1) / requests / seconds, numbers / seconds)


def progress(replays: Iterable[Replay]) -> list[ReplayProgress]:
    """Three statements, however many there are."""
    rows = list(replays)
    uploads = {upload.replay_id: upload for upload in Upload.objects.filter(replay__in=rows)}
    counts: dict[int, dict[str, int]] = {}
    totals = (
        DeliveryTotal.objects.filter(delivery_id__in=[row.delivery_id for row in rows])
        .exclude(event_type=OTHER, outcome=Outcome.UNSELECTED)
        .values_list("delivery_id", "outcome")
        .annotate(events=Sum("count"))
    )
    for delivery_id, outcome, events in totals:
        counts.setdefault(delivery_id, {})[outcome] = events
    now = sql.clock()
    return [_progress(row, uploads.get(row.pk), counts.get(row.delivery_id, {}), now) for row in rows]


def _progress(replay: Replay, upload: Upload | None, counts: dict[str, int], now: datetime) -> ReplayProgress:
    delivery = replay.delivery
    began = replay.started_at
    return ReplayProgress(
        replay=replay,
        upload=upload,
        state=ReplayState(replay.state),
        passed=delivery.cursor - delivery.start,
        span=(delivery.stop or delivery.cursor) - delivery.start,
        outcomes={outcome.value: counts.get(outcome, 0) for outcome in Outcome},
        failing_since=delivery.failing_since,
        next_attempt_at=delivery.next_attempt_at,
        seconds=((replay.finished_at or now) - began).total_seconds() if began else 0.0,
    )


def one_is_paused(connector: Connector) -> bool:
    """Whether a replay holds up those that wait behind it until somebody resumes or cancels it."""
    return Replay.objects.filter(connector=connector, state=ReplayState.PAUSED).exists()


def last_attempt(replay: Replay) -> int | None:
    """The newest attempt's id; None where it was never sent."""
    return replay.delivery.attempts.order_by("-at").values_list("pk", flat=True).first()


@dataclass(frozen=True, slots=True)
class Kept:
    """`events` that can still be replayed; the first of them came in at `since` and is kept until `until`."""

    events: int
    since: datetime
    until: datetime


def kept(connector: Connector) -> Kept | None:
    """All events of the log that the connector has passed; None where none is kept."""
    found = sql.execute(_KEPT, {"connector": connector.pk})
    if not found or found[0][1] <= 0:
        return None
    since, events = found[0]
    return Kept(events, since, retention.kept_until(connector.workspace, since))


def oldest_at(workspace: Workspace) -> datetime | None:
    """When the oldest event that is kept was received."""
    batches = EventBatch.objects.filter(workspace=workspace).order_by("end_event")
    return batches.values_list("received_at", flat=True).first()


def expired(connector: Connector) -> Kept | None:
    """Events that expired for the connector and are still kept; None where there are none."""
    since, events = sql.execute(_EXPIRED, {"connector": connector.pk})[0]
    if not events or since is None:
        return None
    return Kept(events, since, retention.kept_until(connector.workspace, since))


def reached_at(replay: Replay) -> datetime | None:
    """When the event a replay comes to next was received; None at its end, and of what was imported for it."""
    delivery = replay.delivery
    imported = delivery.kind == DeliveryKind.IMPORT
    if imported or delivery.stop is None or delivery.cursor >= delivery.stop:
        return None
    ahead = EventBatch.objects.filter(workspace_id=delivery.workspace_id, end_event__gt=delivery.cursor)
    return ahead.order_by("end_event").values_list("received_at", flat=True).first()
