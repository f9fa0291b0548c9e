"""Incidents: what is wrong with a connector, from when to when, and which mails are due about it.

A settle opens an incident when it stops a delivery or loses events. Everything that only the passing of time brings is
found here, by a chore: half an hour without a success, a pause, half time, four hours left, and the end.

What ends an incident stands in :mod:`exporter.reports.recovery`, because pages tell it, too.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import connection, transaction

from exporter import sql
from exporter.delivery import over_age, settings_in_force
from exporter.delivery.pending import oldest_deliverable
from exporter.delivery.piece import Piece
from exporter.delivery.settings_in_force import Gone
from exporter.dispatch.row_by_row import row_by_row
from exporter.log.damage import Damaged
from exporter.models import Cause, MailStep
from exporter.reports.incident_cost import LOST
from exporter.reports.recovery import (
    ACCEPTING_FOR,
    ACCEPTING_SINCE,
    FLAPPING_FOR,
    LAST_RECOVERY,
    QUIET_FOR,
    ends_at_once,
)

RETRYING_FOR = timedelta(minutes=30)
# What had gathered meanwhile is sent after a recovery; that it is old is no new trouble for so long.
DRAINING_FOR = timedelta(hours=1)
LATE = timedelta(seconds=60)
LAST_WARNING = timedelta(hours=4)

# `fair`: lateness counts only where we were not down ourselves.
_STATES = f"""
SELECT c.id, d.workspace_id, d.cursor, d.ahead::text, d.stopped, c.state = 'paused', c.paused_at, d.failing_since,
       oldest.received_at, {over_age.SWEPT} AND {over_age.TRIED} AND {over_age.RECOVERED},
       EXISTS (SELECT 1 FROM exporter_attempt a WHERE a.delivery_id = d.id AND a.at > %(failed)s
                  AND a.verdict NOT IN ('accepted', 'refused_body')),
       i.id, i.reason, i.quiet_since,
       (SELECT coalesce(array_agg(n.step), '{{}}') FROM exporter_notice n WHERE n.incident_id = i.id),
       {ACCEPTING_SINCE}, {LAST_RECOVERY}
  FROM exporter_delivery d
  JOIN connectors_connector c ON c.id = d.connector_id
  LEFT JOIN LATERAL {over_age.OLDEST} oldest ON true
  LEFT JOIN exporter_incident i ON i.connector_id = c.id AND i.closed_at IS NULL
 WHERE d.kind = 'live' AND (i.id IS NOT NULL OR c.state = 'paused' OR d.stopped <> ''
       OR d.failing_since < %(retrying)s OR oldest.received_at < %(half)s)
 ORDER BY c.id
"""  # noqa: S608 - constants of ours
# One that is being changed is looked at the next time; one that is deleted must not be given an incident.
_HOLD = "SELECT 1 FROM connectors_connector WHERE id = %s FOR KEY SHARE SKIP LOCKED"
_OPEN = """
INSERT INTO exporter_incident AS i (connector_id, reason, opened_at, expired_before)
SELECT %(connector)s, %(reason)s, %(at)s, coalesce(jsonb_object_agg(t.event_type, t.count), '{}'::jsonb)
  FROM exporter_delivery d JOIN exporter_deliverytotal t ON t.delivery_id = d.id AND t.outcome = 'expired'
 WHERE d.connector_id = %(connector)s AND d.kind = 'live'
ON CONFLICT (connector_id) WHERE closed_at IS NULL DO UPDATE SET reason = i.reason
RETURNING i.id
"""
_TELL = """
INSERT INTO exporter_notice (incident_id, step, created_at, tries)
SELECT %(incident)s, step, %(at)s, 0 FROM unnest(%(steps)s::text[]) step
ON CONFLICT DO NOTHING
"""
# Only if no settle has changed it since it was read.
_UPDATE = f"""
UPDATE exporter_incident i
   SET reason = %(reason)s, quiet_since = %(quiet_since)s, closed_at = %(closed_at)s,
       recovered_at = CASE WHEN %(closed_at)s::timestamptz IS NOT NULL THEN %(recovered_at)s END,
       lost = {LOST}
 WHERE id = %(incident)s AND closed_at IS NULL AND reason = %(seen_reason)s
   AND quiet_since IS NOT DISTINCT FROM %(seen_quiet_since)s
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class Situation:
    """What an incident is judged by. `incident` is the open one, `told` the steps of its notices; `accepting_since` is
    the first acceptance after its last failure. `last_recovery` is that of an earlier one that ended lately."""

    connector_id: int
    workspace_id: int
    cursor: int
    ahead: str
    stopped: str
    paused: bool
    paused_at: datetime | None
    failing_since: datetime | None
    oldest: datetime | None
    fair: bool
    failed_lately: bool
    incident: int | None
    reason: str | None
    quiet_since: datetime | None
    told: list[str]
    accepting_since: datetime | None = None
    last_recovery: datetime | None = None

    @property
    def cause(self) -> str:
        """What is wrong now; empty if nothing is wrong, or nothing but lateness."""
        if self.stopped:
            return self.stopped
        if self.paused:
            return Cause.PAUSED
        return Cause.RETRYING if self.failing_since else ""

    @property
    def since(self) -> datetime | None:
        """When the present trouble began."""
        if self.paused and not self.stopped:
            return self.paused_at
        return self.failing_since or self.oldest


def look(at: datetime | None = None) -> None:
    """Opens, updates and closes the incidents that depend on time alone."""
    now = at or sql.clock()
    terms = {"failed": now - QUIET_FOR, "retrying": now - RETRYING_FOR, "half": now - over_age.expiry() / 2}
    terms["flapping"] = now - FLAPPING_FOR
    with connection.cursor() as cursor:
        cursor.execute(_STATES, terms)
        states = [Situation(*row) for row in cursor.fetchall()]
    deque(row_by_row("incidents", states, attrgetter("connector_id"), lambda state: _look_at(state, now)), 0)


@transaction.atomic
def _look_at(state: Situation, now: datetime) -> None:
    steps = due(state, _oldest(state, now), now)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [state.connector_id])
        if cursor.fetchone() is None:
            return
        if state.incident is None:
            if steps or state.stopped or state.paused:
                reason, since = state.cause or Cause.LATE, state.since or now
                cursor.execute(_OPEN, {"connector": state.connector_id, "reason": reason, "at": since})
                cursor.execute(_TELL, {"incident": cursor.fetchone()[0], "steps": steps, "at": now})
            return
        quiet_since, closed_at = end(state, now)
        if closed_at:
            steps = [MailStep.RECOVERED] if MailStep.STOPPED in state.told else []
        now_wrong = state.cause or state.reason
        if (now_wrong, quiet_since, closed_at) != (state.reason, state.quiet_since, None):
            terms: dict[str, Any] = {"seen_reason": state.reason, "seen_quiet_since": state.quiet_since}
            terms |= {"incident": state.incident, "reason": now_wrong}
            terms |= {"quiet_since": quiet_since, "closed_at": closed_at}
            terms["recovered_at"] = state.accepting_since or quiet_since
            cursor.execute(_UPDATE, terms)
            if not cursor.rowcount:
                return
        if steps:
            cursor.execute(_TELL, {"incident": state.incident, "steps": steps, "at": now})


def due(state: Situation, oldest: datetime | None, now: datetime) -> list[str]:
    """The mail steps that are due; `oldest` is when the oldest event waiting to be sent was received.

    Four hours before the first loss, or at half time where the expiry is shorter than eight hours.
    """
    steps: list[str] = []
    retried_in_vain = (
        state.fair and state.failing_since is not None and now - state.failing_since >= RETRYING_FOR
    )
    if state.stopped or (retried_in_vain and not state.paused):
        steps.append(MailStep.STOPPED)
    draining = (
        not state.cause and state.last_recovery is not None and now - state.last_recovery < DRAINING_FOR
    )
    if oldest is not None and state.fair and not draining and MailStep.DROPPING not in state.told:
        expiry, age = over_age.expiry(), now - oldest
        if age >= expiry / 2:
            steps.append(MailStep.HALF_TIME)
        if age >= max(expiry - LAST_WARNING, expiry / 2):
            steps.append(MailStep.FOUR_HOURS)
    return [step for step in steps if step not in state.told]


def end(state: Situation, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When an incident became quiet, and when it ended."""
    if _accepts_again(state, now):
        return state.quiet_since or state.accepting_since, now
    late = state.oldest is not None and now - state.oldest > LATE
    if state.cause or late or state.failed_lately:
        return None, None
    quiet_since = state.quiet_since or now
    return quiet_since, now if now - quiet_since >= QUIET_FOR else None


def _accepts_again(state: Situation, now: datetime) -> bool:
    """Whether what people were told of is over. Where it has just been over before, time must tell."""
    if state.cause:
        return False
    if not ends_at_once(told=MailStep.STOPPED in state.told, last_recovery=state.last_recovery):
        return False
    return state.accepting_since is not None and now - state.accepting_since >= ACCEPTING_FOR


def _oldest(state: Situation, now: datetime) -> datetime | None:
    before = now - over_age.expiry() / 2
    if state.oldest is None or state.oldest >= before:
        return None
    try:
        _revision_id, plan = settings_in_force.rules(state.connector_id)
        pieces = Piece.all_of(state.ahead)
        return oldest_deliverable(
            state.workspace_id, state.cursor, pieces, plan, before + timedelta(microseconds=1)
        )
    except (Damaged, Gone):
        return None
