"""Every incident of a connector: from when to when, what it cost, who was told and who did what meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.audit.actions import AuditAction
from connectors.models import AuditEntry, Connector
from exporter import sql
from exporter.models import Cause, Notice
from exporter.reports.health import Health
from exporter.reports.incident_cost import LOST
from exporter.reports.recovery import ACCEPTING_SINCE, FLAPPING_FOR, LAST_RECOVERY, Recovery, ends_at_once
from exporter.reports.summary import Summary, summary
from exporter.reports.trouble import Told

PAGE = 20
ABOUT_KEYS = (
    AuditAction.WRITE_KEY_PROPOSED,
    AuditAction.WRITE_KEY_TESTED,
    AuditAction.WRITE_KEY_ROTATED,
    AuditAction.WRITE_KEY_ROLLED_BACK,
    AuditAction.WRITE_KEY_VERIFIED,
)
SWITCHES = (AuditAction.WRITE_KEY_ROTATED, AuditAction.WRITE_KEY_ROLLED_BACK)
# A switch so short a time before a trouble is part of it: the next request was the first with that key.
LED_TO = timedelta(minutes=1)
# What people do about a trouble.
ACTS = (
    AuditAction.CONNECTOR_UPDATED,
    AuditAction.CONNECTOR_PAUSED,
    AuditAction.CONNECTOR_RESUMED,
    AuditAction.CONNECTOR_TRIED_NOW,
    AuditAction.CONNECTOR_DAMAGE_SKIPPED,
    AuditAction.REJECTED_RETRIED,
    AuditAction.REPLAY_BEGUN,
    *ABOUT_KEYS,
)
# What an open one has cost so far is counted; of a closed one it is written down.
_HISTORY = f"""
SELECT i.id, i.reason, i.opened_at,
       CASE WHEN i.closed_at IS NOT NULL THEN coalesce(i.recovered_at, i.quiet_since, i.closed_at) END, i.closed_at,
       CASE WHEN i.closed_at IS NOT NULL THEN i.lost ELSE {LOST} END, open.*
  FROM exporter_incident i
  JOIN connectors_connector c ON c.id = i.connector_id
  LEFT JOIN LATERAL (
       SELECT coalesce({ACCEPTING_SINCE}, i.quiet_since) AS well_since,
              EXISTS (SELECT 1 FROM exporter_notice n WHERE n.incident_id = i.id AND n.step = 'stopped') AS told,
              {LAST_RECOVERY} AS last_recovery
         FROM exporter_delivery d WHERE d.connector_id = c.id AND d.kind = 'live' AND i.closed_at IS NULL) open ON true
 WHERE i.connector_id = %(connector)s AND (%(before)s::bigint IS NULL OR i.id < %(before)s)
 ORDER BY i.id DESC LIMIT %(limit)s
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class PastIncident:
    """`cause` is a `Cause`; `ended_at` is None until it is over; `lost` counts the events it cost, so far or in all.
    `closed_at` is when nothing more was counted to it. An open one goes on unless it has a `recovery`."""

    id: int
    cause: str
    opened_at: datetime
    ended_at: datetime | None
    closed_at: datetime | None
    lost: int
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did about it; `person` is empty for the command line, `key` names the write key it was about."""

    at: datetime
    action: str
    person: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class ToldIncident:
    incident: PastIncident
    mails: list[Told]
    acts: list[Act]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The newest first; `more` is the `before` of the next page, None on the last."""

    incidents: list[ToldIncident]
    more: int | None


def latest(now: Summary, limit: int, before: int | None = None) -> list[PastIncident]:
    """The newest first, in one statement. An open one is told by the connector's health, as its page tells it."""
    terms: dict[str, Any] = {"connector": now.connector.pk, "limit": limit, "before": before}
    terms["flapping"] = now.now - FLAPPING_FOR
    return [_incident(now.health, *row) for row in sql.execute(_HISTORY, terms)]


def _incident(health: Health, *row: Any) -> PastIncident:
    """`row` is one of `_HISTORY`."""
    *facts, well_since, told, last_recovery = row
    found = PastIncident(*facts)
    if found.closed_at is not None or not _is_well(found.cause, health):
        return found
    at_once = ends_at_once(told=told, last_recovery=last_recovery)
    return replace(found, recovery=Recovery(well_since, at_once))


def _is_well(cause: str, health: Health) -> bool:
    """Whether what was wrong is over, by what the connector's page says of it."""
    if health is Health.CATCHING_UP:
        return cause != Cause.LATE
    return health in (Health.DELIVERING, Health.WAITING)


def page(connector: Connector, before: int | None = None) -> HistoryPage:
    """Four statements, however many there are."""
    found = latest(summary(connector), PAGE + 1, before)
    shown = found[:PAGE]
    mails, acts = _mails(shown), _acts(connector, shown)
    told = [
        ToldIncident(one, mails.get(one.id, []), [act for act in acts if _within(one, act)]) for one in shown
    ]
    return HistoryPage(told, shown[-1].id if len(found) > PAGE else None)


def _within(incident: PastIncident, act: Act) -> bool:
    began = incident.opened_at - (LED_TO if act.action in SWITCHES else timedelta(0))
    return began <= act.at and (incident.closed_at is None or act.at <= incident.closed_at)


def _mails(shown: list[PastIncident]) -> dict[int, list[Told]]:
    found: dict[int, list[Told]] = {}
    rows = Notice.objects.filter(incident__in=[one.id for one in shown], sent_at__isnull=False)
    for notice in rows.order_by("sent_at", "pk"):
        if notice.sent_at is not None:
            found.setdefault(notice.incident_id, []).append(Told(notice.step, notice.sent_at, notice.sent_to))
    return found


def _acts(connector: Connector, shown: list[PastIncident]) -> list[Act]:
    if not shown:
        return []
    rows = AuditEntry.objects.filter(
        workspace_id=connector.workspace_id,
        action__in=ACTS,
        at__gte=min(one.opened_at for one in shown) - LED_TO,
    )
    ends = [one.closed_at for one in shown]
    if all(ends):
        rows = rows.filter(at__lte=max(end for end in ends if end))
    entries = rows.select_related("actor").order_by("at", "pk")
    return [
        Act(
            entry.at,
            entry.action,
            entry.actor.get_full_name() if entry.actor else entry.actor_email,
            entry.after.get("write_key", "") if entry.action in ABOUT_KEYS else "",
        )
        for entry in entries
    ]
