"""Replays: begun, paused, resumed, cancelled, and carried on by a chore.

One replay of a connector runs at a time; others wait for it in the order they were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter import sql
from exporter.actions.replay_preview import ReplayRefused, Wanted, judge_rate, preview, span
from exporter.delivery import replay_places
from exporter.delivery.replay_reader import EVERYTHING
from exporter.dispatch import wakeup
from exporter.lease_sql import FREE
from exporter.log import lookup
from exporter.models import Delivery, DeliveryKind, Replay, ReplayState

# An event that is turned down and has no neighbour: nothing that follows can prove it wrong or right. It was asked for
# its neighbours by a probe since it failed first, however long nobody worked meanwhile.
LONE_PATIENCE = timedelta(minutes=11)
_UNFINISHED = (ReplayState.RUNNING, ReplayState.WAITING, ReplayState.PAUSED)

# All of these are asked again every few seconds and come from several processes at once: what others have locked is
# left for the next time, so nobody waits here, and never in a ring.
_FINISH = """
UPDATE exporter_replay r
   SET state = CASE WHEN d.cursor >= d.stop THEN 'done' ELSE 'failed' END, finished_at = clock_timestamp()
  FROM exporter_delivery d
 WHERE d.id = r.delivery_id AND r.id = ANY (ARRAY(
       SELECT r.id FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
        WHERE r.state = 'running'
          AND (d.cursor >= d.stop OR d.failing_since < clock_timestamp() - %(patience)s
               OR (d.alone AND d.failures > 1 AND d.failing_since < clock_timestamp() - %(lone)s))
          FOR NO KEY UPDATE OF r SKIP LOCKED))
"""
_CUT = f"""
UPDATE exporter_delivery SET stop = cursor WHERE id = ANY (ARRAY(
    SELECT d.id FROM exporter_delivery d JOIN exporter_replay r ON r.delivery_id = d.id
     WHERE d.cursor < d.stop AND r.state IN ('cancelled', 'failed') AND {FREE}
       FOR NO KEY UPDATE OF d SKIP LOCKED))
"""  # noqa: S608 - constants of ours
_WANTING = """
SELECT c.id FROM connectors_connector c
 WHERE EXISTS (SELECT FROM exporter_replay w WHERE w.connector_id = c.id AND w.state = 'waiting')
   FOR NO KEY UPDATE SKIP LOCKED
"""
_BEGIN = """
UPDATE exporter_replay r SET state = 'running', started_at = coalesce(r.started_at, clock_timestamp())
 WHERE r.id IN (SELECT min(w.id) FROM exporter_replay w
                 WHERE w.state = 'waiting' AND w.connector_id = ANY (%(connectors)s::bigint[]) AND NOT EXISTS (
                       SELECT FROM exporter_replay o
                        WHERE o.connector_id = w.connector_id AND o.state IN ('running', 'paused'))
                   AND NOT EXISTS (SELECT FROM exporter_upload u WHERE u.replay_id = w.id AND u.stage = 'running')
                 GROUP BY w.connector_id)
"""


def begin(connector: Connector, wanted: Wanted, by: By) -> Replay:
    """Raises:
    ReplayRefused: what is asked for is not possible.
    """
    found = preview(connector, wanted)
    with transaction.atomic():
        _hold_mark(connector)
        first, stop = span(connector, wanted)
        return _make(connector, wanted, first, max(first, stop), found.events, by)


def send_again(connector: Connector, number: int, by: By) -> Replay:
    """Sends one event that is kept again, with the same id, whatever became of it.

    Raises:
        ReplayRefused: it is no longer kept, or waits to be sent anyway.
    """
    with transaction.atomic():
        mark = _hold_mark(connector)
        kept = lookup.read(connector.workspace_id, [number]).get(number) if number >= mark else None
        live = Delivery.objects.get(connector=connector, kind=DeliveryKind.LIVE)
        if kept is None:
            raise ReplayRefused(_("The log no longer holds this event."))
        if not live.start <= number < live.cursor:
            raise ReplayRefused(
                _("This event cannot be sent again: it waits for its turn, or came before the launch.")
            )
        moment = kept.received_at
        wanted = Wanted(moment, moment + timedelta(seconds=1), outcomes=(EVERYTHING,))
        return _make(connector, wanted, number, number + 1, 1, by)


def _hold_mark(connector: Connector) -> int:
    """The first event number that is kept. Until the transaction ends, nothing from there on is trimmed away."""
    terms = {"workspace": connector.workspace_id}
    rows = sql.execute(
        "SELECT first_event FROM exporter_logmark WHERE workspace_id = %(workspace)s FOR SHARE", terms
    )
    return rows[0][0] if rows else 0


def for_import(connector: Connector, by: By, *, same_ids: bool) -> Replay:
    """A replay for what will be imported for this connector alone; it begins when the import is through."""
    now = sql.clock()
    wanted = Wanted(now, now, outcomes=(EVERYTHING,), same_ids=same_ids)
    return _make(connector, wanted, 0, 0, 0, by, DeliveryKind.IMPORT)


def _make(
    connector: Connector,
    wanted: Wanted,
    first: int,
    stop: int,
    events: int,
    by: By,
    kind: DeliveryKind = DeliveryKind.REPLAY,
) -> Replay:
    with transaction.atomic():
        delivery = Delivery.objects.create(
            connector=connector,
            workspace_id=connector.workspace_id,
            kind=kind,
            start=first,
            cursor=first,
            stop=stop,
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
            events=events,
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
    _change(replay, by, AuditAction.REPLAY_CANCELLED, _UNFINISHED, ReplayState.CANCELLED)


def change_rate(replay: Replay, rate: int | None, by: By) -> None:
    """Takes effect within a second. None is no limit.

    Raises:
        ReplayRefused: it is over, or the rate is none.
    """
    judge_rate(rate)
    with transaction.atomic():
        current = Replay.objects.select_for_update().get(pk=replay.pk)
        _expect(current, _UNFINISHED)
        if current.rate != rate:
            current.rate = rate
            current.save(update_fields=["rate"])
            _record(AuditAction.REPLAY_RATE_CHANGED, current, by, rate=rate)
    replay.refresh_from_db()


def advance() -> None:
    """Ends what is over, begins what may begin, and wakes whose turn it is; a chore calls it every few seconds."""
    patience = timedelta(hours=settings.CURRENTS_EXPIRY_HOURS)
    terms = {"patience": patience, "lone": LONE_PATIENCE, "seconds": float(settings.CURRENTS_LEASE_SECONDS)}
    sql.execute(_FINISH, terms)
    sql.execute(_CUT, terms)
    _begin_waiting()
    wake_next()


@transaction.atomic
def _begin_waiting() -> None:
    """Under their connectors' locks, as every change by a person: only one of each may run or be paused."""
    wanting = [row[0] for row in sql.execute(_WANTING, {})]
    if wanting:
        sql.execute(_BEGIN, {"connectors": wanting})


def wake_next() -> None:
    """Wakes as many replays as there are places free, those that have waited longest for a turn."""
    for delivery_id in replay_places.claim():
        wakeup.wake_chore("exporter.tasks.replay", delivery_id)


def _change(
    replay: Replay, by: By, action: AuditAction, among: Sequence[ReplayState], to: ReplayState
) -> None:
    with transaction.atomic():
        # Only one of a connector may be running or paused: whoever changes one waits here for the others.
        Connector.objects.select_for_update().get(pk=replay.connector_id)
        current = Replay.objects.select_for_update().get(pk=replay.pk)
        _expect(current, among)
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


def _expect(replay: Replay, among: Sequence[ReplayState]) -> None:
    """Raises ReplayRefused."""
    if replay.state not in among:
        words = {"state": ReplayState(replay.state).label.lower()}
        raise ReplayRefused(_("This replay is %(state)s, so that is not possible any more.") % words)


def _another(replay: Replay) -> bool:
    others = Replay.objects.filter(connector_id=replay.connector_id).exclude(pk=replay.pk)
    return others.filter(state__in=[ReplayState.RUNNING, ReplayState.PAUSED]).exists()


def _record(action: AuditAction, replay: Replay, by: By, **more: object) -> None:
    after: dict[str, object] = {
        "since": replay.since.isoformat(timespec="seconds"),
        "until": replay.until.isoformat(timespec="seconds"),
        "events": replay.events,
        **more,
    }
    connector = replay.connector
    record(action, by, workspace=connector.workspace, target=connector.name, after=after)
