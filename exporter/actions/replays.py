"""Replays: asked for, looked at beforehand, paused, resumed, cancelled, and carried on by a chore.

One replay of a connector runs at a time; others wait for it in the order they were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter import sql
from exporter.delivery.replay_reader import EVERYTHING
from exporter.dispatch import wakeup
from exporter.ledger.outcomes import Outcome
from exporter.models import Delivery, DeliveryKind, Replay, ReplayState

OUTCOMES = (*(outcome.value for outcome in Outcome), EVERYTHING)
DEFAULT_OUTCOMES = ("expired", "rejected")
# Of all connectors together; each holds a thread of a worker.
MOST_AT_ONCE = 4
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
_COUNTS = """
SELECT c.event_type, date_trunc('hour', c.minute, 'UTC'), sum(c.count)::bigint
  FROM exporter_deliverycount c JOIN exporter_delivery d ON d.id = c.delivery_id
 WHERE d.connector_id = %(connector)s AND d.kind = 'live' AND c.minute >= %(since)s AND c.minute <= %(until)s
   AND (%(all)s OR c.outcome = ANY(%(outcomes)s)) AND (%(every_type)s OR c.event_type = ANY(%(types)s))
 GROUP BY 1, 2
"""
_DUE = """
SELECT d.id FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
 WHERE r.state = 'running' AND d.cursor < d.stop
   AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
   AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp())
 ORDER BY r.id
"""
_FINISH = """
WITH over AS (
    UPDATE exporter_replay r
       SET state = CASE WHEN d.cursor >= d.stop THEN 'done' ELSE 'failed' END, finished_at = clock_timestamp()
      FROM exporter_delivery d
     WHERE d.id = r.delivery_id AND r.state = 'running'
       AND (d.cursor >= d.stop OR d.failing_since < clock_timestamp() - %(patience)s)
 RETURNING r.id
)
UPDATE exporter_delivery d SET stop = d.cursor
  FROM exporter_replay r
 WHERE r.delivery_id = d.id AND d.cursor < d.stop AND (r.state IN ('cancelled', 'failed'))
   AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
"""
_BEGIN = """
UPDATE exporter_replay r SET state = 'running', started_at = coalesce(r.started_at, clock_timestamp())
 WHERE r.id IN (SELECT min(w.id) FROM exporter_replay w
                 WHERE w.state = 'waiting' AND NOT EXISTS (
                       SELECT FROM exporter_replay o
                        WHERE o.connector_id = w.connector_id AND o.state IN ('running', 'paused'))
                 GROUP BY w.connector_id ORDER BY 1 LIMIT %(room)s)
"""


class ReplayRefused(Exception):
    """The replay cannot be begun or changed; the text is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. No types means all."""

    since: datetime
    until: datetime
    event_types: Sequence[str] = ()
    outcomes: Sequence[str] = DEFAULT_OUTCOMES
    same_ids: bool = True
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be replayed: events by type and by hour of receipt, and from which event number to which."""

    by_type: Counter[str]
    by_hour: Counter[datetime]
    first: int
    stop: int

    @property
    def events(self) -> int:
        return self.by_type.total()


def preview(connector: Connector, wanted: Wanted) -> Preview:
    """Counts what would be replayed; begins nothing.

    Raises:
        ReplayRefused: what is asked for is not possible.
    """
    _judge(wanted)
    first, stop = _span(connector, wanted)
    if first >= stop:
        raise ReplayRefused(_("No events of that time are kept for this connector. Choose a later start."))
    by_type: Counter[str] = Counter()
    by_hour: Counter[datetime] = Counter()
    for event_type, hour, count in sql.execute(_COUNTS, _terms(connector, wanted)):
        by_type[event_type] += count
        by_hour[hour] += count
    if not by_type.total():
        raise ReplayRefused(_("No event of that time has one of these outcomes and types. Choose others."))
    return Preview(+by_type, +by_hour, first, stop)


def begin(connector: Connector, wanted: Wanted, by: By) -> Replay:
    """Raises:
    ReplayRefused: what is asked for is not possible.
    """
    found = preview(connector, wanted)
    with transaction.atomic():
        # While we hold a share of the mark, nothing of the range is trimmed away.
        sql.execute(
            "SELECT 1 FROM exporter_logmark WHERE workspace_id = %(workspace)s FOR SHARE",
            {"workspace": connector.workspace_id},
        )
        first, stop = _span(connector, wanted)
        delivery = Delivery.objects.create(
            connector=connector,
            workspace_id=connector.workspace_id,
            kind=DeliveryKind.REPLAY,
            start=first,
            cursor=first,
            stop=max(first, stop),
        )
        made = Replay.objects.create(
            connector=connector,
            delivery=delivery,
            since=wanted.since,
            until=wanted.until,
            event_types=[CATALOGUE.canonical(name) for name in wanted.event_types],
            outcomes=list(wanted.outcomes),
            same_ids=wanted.same_ids,
            rate=wanted.rate,
            events=found.events,
            created_by=by.user,
            created_at=sql.clock(),
        )
        _record(AuditAction.REPLAY_BEGUN, made, by)
        transaction.on_commit(advance)
    return made


def pause(replay: Replay, by: By) -> None:
    """Raises:
    ReplayRefused: it does not run.
    """
    _change(
        replay, by, AuditAction.REPLAY_PAUSED, [ReplayState.RUNNING, ReplayState.WAITING], ReplayState.PAUSED
    )


def resume(replay: Replay, by: By) -> None:
    """Raises:
    ReplayRefused: it is not paused.
    """
    _change(replay, by, AuditAction.REPLAY_RESUMED, [ReplayState.PAUSED], ReplayState.WAITING)


def cancel(replay: Replay, by: By) -> None:
    """What was accepted stays accepted.

    Raises:
        ReplayRefused: it is over.
    """
    states = [ReplayState.RUNNING, ReplayState.WAITING, ReplayState.PAUSED]
    _change(replay, by, AuditAction.REPLAY_CANCELLED, states, ReplayState.CANCELLED)


def advance() -> None:
    """Ends what is over, begins what may begin, and wakes what may go on; a chore calls it every few seconds."""
    sql.execute(_FINISH, {"patience": timedelta(hours=settings.CURRENTS_EXPIRY_HOURS)})
    room = MOST_AT_ONCE - Replay.objects.filter(state=ReplayState.RUNNING).count()
    if room > 0:
        sql.execute(_BEGIN, {"room": room})
    for (delivery_id,) in sql.execute(_DUE, {}):
        wakeup.wake_chore("exporter.tasks.replay", delivery_id)


def _judge(wanted: Wanted) -> None:
    if wanted.since >= wanted.until:
        raise ReplayRefused(_("The end must be later than the start."))
    if not wanted.outcomes or not set(wanted.outcomes) <= set(OUTCOMES):
        raise ReplayRefused(_("Choose at least one outcome: %(names)s.") % {"names": ", ".join(OUTCOMES)})
    unknown = [name for name in wanted.event_types if name not in CATALOGUE.by_name]
    if unknown:
        raise ReplayRefused(_("%(name)s is not an event type of the catalogue.") % {"name": unknown[0]})
    if wanted.rate is not None and not 1 <= wanted.rate <= MOST_RATE:
        raise ReplayRefused(
            _("The rate must be between 1 and 1,000,000 events a second, or left out for no limit.")
        )


def _span(connector: Connector, wanted: Wanted) -> tuple[int, int]:
    terms = {"connector": connector.pk, "since": wanted.since, "until": wanted.until}
    least, cursor, first, stop = sql.execute(_SPAN, terms)[0]
    if first is None:
        return cursor, cursor
    return max(least, first), min(cursor, cursor if stop is None else stop)


def _terms(connector: Connector, wanted: Wanted) -> dict[str, object]:
    return {
        "connector": connector.pk,
        # Counts are kept by the minute, later by the hour.
        "since": wanted.since.replace(second=0, microsecond=0),
        "until": wanted.until,
        "all": EVERYTHING in wanted.outcomes,
        "outcomes": list(wanted.outcomes),
        "every_type": not wanted.event_types,
        "types": [CATALOGUE.canonical(name) for name in wanted.event_types],
    }


def _change(
    replay: Replay, by: By, action: AuditAction, among: Sequence[ReplayState], to: ReplayState
) -> None:
    with transaction.atomic():
        # Only one of a connector may be running or paused: whoever changes one waits here for the others.
        Connector.objects.select_for_update().get(pk=replay.connector_id)
        current = Replay.objects.select_for_update().get(pk=replay.pk)
        if current.state not in among:
            words = {"state": ReplayState(current.state).label.lower()}
            raise ReplayRefused(_("This replay is %(state)s, so that is not possible any more.") % words)
        if to == ReplayState.PAUSED and _another(current):
            raise ReplayRefused(
                _("Another replay of this connector is running; this one waits for it already.")
            )
        current.state = to
        current.finished_at = sql.clock() if to == ReplayState.CANCELLED else None
        current.save(update_fields=["state", "finished_at"])
        _record(action, current, by)
        transaction.on_commit(advance)
    replay.refresh_from_db()


def _another(replay: Replay) -> bool:
    others = Replay.objects.filter(connector_id=replay.connector_id).exclude(pk=replay.pk)
    return others.filter(state__in=[ReplayState.RUNNING, ReplayState.PAUSED]).exists()


def _record(action: AuditAction, replay: Replay, by: By) -> None:
    after = {
        "since": replay.since.isoformat(timespec="seconds"),
        "until": replay.until.isoformat(timespec="seconds"),
        "events": replay.events,
    }
    connector = replay.connector
    record(action, by, workspace=connector.workspace, target=connector.name, after=after)
