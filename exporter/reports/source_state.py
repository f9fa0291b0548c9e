"""How sources stand: one word for each, what waits, how far behind it is, what was taken within the last hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.utils.translation import gettext_lazy as _

from exporter import sql
from exporter.models import Source, SourceObject
from exporter.models.sources import Taken

WORDS = {
    "paused": _("Paused"),
    "failing": _("Failing"),
    "waiting": _("Nothing found yet"),
    "catching_up": _("Catching up"),
    "following": _("Following"),
}
COLOURS = {"paused": "idle", "failing": "bad", "waiting": "info", "catching_up": "info", "following": "ok"}


@dataclass(frozen=True, slots=True)
class SourceState:
    """`lag` is the age of the oldest object that waits, None where none does; `events` those of the last hour."""

    source: Source
    state: str
    waiting: int
    set_aside: int
    lag: timedelta | None
    objects: int
    events: int

    @property
    def word(self) -> str:
        return str(WORDS[self.state])

    @property
    def colour(self) -> str:
        return COLOURS[self.state]


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
    if source.paused:
        word = "paused"
    elif source.trouble:
        word = "failing"
    elif waiting:
        word = "catching_up"
    else:
        word = "following" if source.last_object else "waiting"
    return SourceState(
        source,
        word,
        waiting,
        counted.get("set_aside", 0),
        max(timedelta(0), now - oldest) if isinstance(oldest, datetime) else None,
        counted.get("taken", 0),
        counted.get("events") or 0,
    )
