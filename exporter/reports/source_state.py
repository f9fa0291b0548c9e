"""How sources stand: the health of each, what waits, how far behind it is, what was taken within the last hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Count, Min, Q, Sum

from exporter import sql
from exporter.models import Source, SourceObject
from exporter.models.sources import Taken


class SourceHealth(StrEnum):
    """In order of precedence: the first that fits."""

    PAUSED = "paused"
    FAILING = "failing"
    LATE = "late"
    CATCHING_UP = "catching_up"
    WAITING = "waiting"
    FOLLOWING = "following"


@dataclass(frozen=True, slots=True)
class SourceState:
    """`lag` is the age of the oldest object that waits, None where none does; `events` those of the last hour."""

    source: Source
    health: SourceHealth
    waiting: int
    set_aside: int
    lag: timedelta | None
    objects: int
    events: int


def states(sources: Sequence[Source]) -> list[SourceState]:
    """In one statement for however many."""
    now = sql.clock()
    counted = {row["source"]: row for row in _counts([one.pk for one in sources], now - timedelta(hours=1))}
    return [_state(one, counted.get(one.pk, {}), now) for one in sources]


def _counts(keys: Sequence[int], since: datetime) -> list[dict[str, Any]]:
    lately = Q(done_at__gte=since)
    unfinished = ~Q(state=Taken.DONE)
    rows = SourceObject.objects.filter(unfinished | lately, source__in=keys).values("source")
    found: Any = rows.annotate(
        waiting=Count("pk", filter=Q(state=Taken.WAITING)),
        set_aside=Count("pk", filter=Q(state=Taken.SET_ASIDE)),
        oldest=Min("modified_at", filter=Q(state=Taken.WAITING)),
        taken=Count("pk", filter=lately),
        events=Sum("position", filter=lately),
    )
    return list(found)


def _state(source: Source, counted: dict[str, Any], now: datetime) -> SourceState:
    waiting = counted.get("waiting", 0)
    oldest = counted.get("oldest")
    checks = (
        (SourceHealth.PAUSED, source.paused),
        (SourceHealth.FAILING, bool(source.trouble)),
        (SourceHealth.LATE, source.late_since is not None),
        (SourceHealth.CATCHING_UP, waiting > 0),
        (SourceHealth.WAITING, not source.last_object),
    )
    health = next((health for health, fits in checks if fits), SourceHealth.FOLLOWING)
    return SourceState(
        source,
        health,
        waiting,
        counted.get("set_aside", 0),
        max(timedelta(0), now - oldest) if isinstance(oldest, datetime) else None,
        counted.get("taken", 0),
        counted.get("events") or 0,
    )
