"""What somebody wants replayed, whether that is possible, and how many events of which types and hours it would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter import sql
from exporter.delivery.replay_reader import EVERYTHING
from exporter.ledger.outcomes import Outcome
from exporter.log.batches import OTHER
from exporter.maintenance.rollup import MINUTES_KEPT

OUTCOMES = (*(outcome.value for outcome in Outcome), EVERYTHING)
DEFAULT_OUTCOMES = (Outcome.EXPIRED.value, Outcome.REJECTED.value)
MOST_RATE = 1_000_000

_SPAN = """
SELECT greatest(d.start, coalesce(m.first_event, 0)), d.cursor,
       (SELECT first_event FROM exporter_eventbatch b
         WHERE b.workspace_id = d.workspace_id AND b.received_at >= %(since)s ORDER BY b.end_event LIMIT 1),
       (SELECT first_event FROM exporter_eventbatch b
         WHERE b.workspace_id = d.workspace_id AND b.received_at > %(until)s ORDER BY b.end_event LIMIT 1)
  FROM exporter_delivery d LEFT JOIN exporter_logmark m ON m.workspace_id = d.workspace_id
 WHERE d.connector_id = %(connector)s AND d.kind = 'live'
"""
# An hour is gone when the oldest batch that is kept came in a later one.
_COUNTS = """
SELECT c.event_type, date_trunc('hour', c.minute, 'UTC'),
       coalesce(date_trunc('hour', c.minute, 'UTC') < date_trunc('hour', kept.received_at, 'UTC'), true),
       sum(c.count)::bigint
  FROM exporter_deliverycount c JOIN exporter_delivery d ON d.id = c.delivery_id
  LEFT JOIN LATERAL (SELECT b.received_at FROM exporter_eventbatch b LEFT JOIN exporter_logmark m USING (workspace_id)
                      WHERE b.workspace_id = d.workspace_id AND b.end_event > coalesce(m.first_event, 0)
                      ORDER BY b.end_event LIMIT 1) kept ON true
 WHERE d.connector_id = %(connector)s AND d.kind = 'live' AND c.minute >= %(since)s AND c.minute <= %(until)s
   AND (%(all)s OR c.outcome = ANY(%(outcomes)s))
   AND (%(every_type)s OR c.event_type = ANY(%(types)s) OR c.event_type = %(untold)s)
 GROUP BY 1, 2, 3
"""


class ReplayRefused(Exception):
    """The replay cannot be begun or changed; the text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. No types means all; `rate` is events a second, None without a limit."""

    since: datetime
    until: datetime
    event_types: Sequence[str] = ()
    outcomes: Sequence[str] = DEFAULT_OUTCOMES
    same_ids: bool = True
    rate: int | None = None

    @property
    def repeats(self) -> bool:
        """Whether it sends again what Segment has accepted."""
        return bool({EVERYTHING, Outcome.DELIVERED} & set(self.outcomes))


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be replayed: events by type and by hour of receipt, and from which event number to which. `gone` are
    events that were asked for and are no longer kept. `untold` are not among the events: they were counted without
    their type, and those of the types that were asked for will be sent as well."""

    first: int
    stop: int
    gone: int = 0
    untold: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[datetime] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """Where hours are counted whole of which the log holds a part, no more than it holds."""
        return min(self.by_type.total(), self.stop - self.first)

    def not_of(self, chosen: Collection[str]) -> int:
        """How many are of none of these types, as far as their type was counted."""
        return sum(count for name, count in self.by_type.items() if name not in chosen and name != OTHER)


def preview(connector: Connector, wanted: Wanted) -> Preview:
    """Counts what would be replayed; begins nothing. Counts are kept by the minute for three hours and by the hour
    after that, so at the edges of a span they are near, not exact.

    Raises:
        ReplayRefused: what is asked for is not possible.
    """
    judge(wanted)
    first, stop = span(connector, wanted)
    if first >= stop:
        raise ReplayRefused(_("No events of that time are kept for this connector. Choose a later start."))
    by_type: Counter[str] = Counter()
    by_hour: Counter[datetime] = Counter()
    lost = untold = 0
    for event_type, hour, gone, count in sql.execute(_COUNTS, _terms(connector, wanted)):
        if event_type == OTHER and wanted.event_types:
            untold += 0 if gone else count
        elif gone:
            lost += count
        else:
            by_type[event_type] += count
            by_hour[hour] += count
    if by_type.total() + untold <= 0:
        raise ReplayRefused(_("No event of that time has one of these outcomes and types. Choose others."))
    return Preview(first, stop, lost, untold, +by_type, +by_hour)


def judge(wanted: Wanted) -> None:
    """Raises:
    ReplayRefused: it could not be wanted of any connector.
    """
    if wanted.since >= wanted.until:
        raise ReplayRefused(_("The end must be later than the start."))
    if not wanted.outcomes or not set(wanted.outcomes) <= set(OUTCOMES):
        raise ReplayRefused(_("Choose at least one outcome: %(names)s.") % {"names": ", ".join(OUTCOMES)})
    unknown = [name for name in wanted.event_types if name not in CATALOGUE.by_name]
    if unknown:
        raise ReplayRefused(_("%(name)s is not an event type of the catalogue.") % {"name": unknown[0][:200]})
    judge_rate(wanted.rate)


def judge_rate(rate: int | None) -> None:
    """Raises:
    ReplayRefused: no replay can have it.
    """
    if rate is not None and not 1 <= rate <= MOST_RATE:
        raise ReplayRefused(
            _("The rate must be between 1 and 1,000,000 events a second, or left out for no limit.")
        )


def span(connector: Connector, wanted: Wanted) -> tuple[int, int]:
    """From which event number to which the kept events of that time reach; an empty range where there are none."""
    terms = {"connector": connector.pk, "since": wanted.since, "until": wanted.until}
    least, cursor, first, stop = sql.execute(_SPAN, terms)[0]
    if first is None:
        return cursor, cursor
    return max(least, first), min(cursor, cursor if stop is None else stop)


def _terms(connector: Connector, wanted: Wanted) -> dict[str, object]:
    since = wanted.since.replace(second=0, microsecond=0)
    if since < sql.clock() - MINUTES_KEPT:
        since = since.replace(minute=0)
    return {
        "connector": connector.pk,
        "since": since,
        "until": wanted.until,
        "all": EVERYTHING in wanted.outcomes,
        "outcomes": list(wanted.outcomes),
        "untold": OTHER,
        "every_type": not wanted.event_types,
        "types": [CATALOGUE.canonical(name) for name in wanted.event_types],
    }
