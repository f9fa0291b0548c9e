"""How a replay stands: what became of the events that were asked for, how far it is, how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from connectors.models import Connector
from exporter import sql
from exporter.ledger.outcomes import Outcome
from exporter.log.batches import OTHER
from exporter.models import Delivery, EventBatch, Replay, ReplayState
from exporter.models.counts import DeliveryTotal


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """`passed` of `span` event numbers are behind it, `done` of about `replay.events` events; `outcomes` are those of
    its own ledger, without what was passed over because nobody asked for it."""

    replay: Replay
    state: ReplayState
    passed: int
    span: int
    outcomes: dict[str, int]
    failing_since: datetime | None
    next_attempt_at: datetime | None
    seconds: float

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    @property
    def per_second(self) -> float:
        """Events a second since it began, pauses included; 0 before."""
        return self.done / self.seconds if self.seconds > 1 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """As it went so far; None where that says nothing."""
        if self.state != ReplayState.RUNNING or not self.passed or self.seconds < 1:
            return None
        return (self.span - self.passed) * self.seconds / self.passed


def of_connector(connector: Connector, most: int = 50) -> list[ReplayProgress]:
    """The connector's replays, the newest first."""
    rows = Replay.objects.filter(connector=connector).select_related("delivery", "created_by").order_by("-pk")
    return progress(rows[:most])


def one(connector: Connector, replay_id: int) -> ReplayProgress | None:
    """None for another connector's."""
    rows = Replay.objects.filter(connector=connector, pk=replay_id).select_related("delivery", "created_by")
    return next(iter(progress(rows)), None)


def progress(replays: Iterable[Replay]) -> list[ReplayProgress]:
    """Two statements, however many there are."""
    rows = list(replays)
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
    return [_progress(row, row.delivery, counts.get(row.delivery_id, {}), now) for row in rows]


def _progress(replay: Replay, delivery: Delivery, counts: dict[str, int], now: datetime) -> ReplayProgress:
    began = replay.started_at
    return ReplayProgress(
        replay=replay,
        state=ReplayState(replay.state),
        passed=delivery.cursor - delivery.start,
        span=(delivery.stop or delivery.cursor) - delivery.start,
        outcomes={outcome.value: counts.get(outcome, 0) for outcome in Outcome},
        failing_since=delivery.failing_since,
        next_attempt_at=delivery.next_attempt_at,
        seconds=((replay.finished_at or now) - began).total_seconds() if began else 0.0,
    )


def kept_until(connector: Connector) -> datetime | None:
    """Until when the oldest event that is kept can be replayed; None where none is kept."""
    oldest = EventBatch.objects.filter(workspace_id=connector.workspace_id).order_by("end_event")
    first = oldest.values_list("received_at", flat=True).first()
    return None if first is None else first + timedelta(hours=settings.CURRENTS_RETENTION_HOURS)
