"""Every incident of a connector: from when to when, what it cost, who was told and who did what meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.audit.actions import AuditAction
from connectors.models import AuditEntry, Connector
from exporter import sql
from exporter.models import Notice
from exporter.reports.trouble import Told

PAGE = 20
# What people do about a trouble.
ACTS = (
    AuditAction.CONNECTOR_UPDATED,
    AuditAction.CONNECTOR_PAUSED,
    AuditAction.CONNECTOR_RESUMED,
    AuditAction.CONNECTOR_TRIED_NOW,
    AuditAction.CONNECTOR_DAMAGE_SKIPPED,
    AuditAction.REJECTED_RETRIED,
    AuditAction.REPLAY_BEGUN,
    AuditAction.WRITE_KEY_PROPOSED,
    AuditAction.WRITE_KEY_TESTED,
    AuditAction.WRITE_KEY_ROTATED,
    AuditAction.WRITE_KEY_ROLLED_BACK,
    AuditAction.WRITE_KEY_VERIFIED,
)
# What an open one has cost so far is counted; of a closed one it is written down.
_HISTORY = """
SELECT i.id, i.reason, i.opened_at, coalesce(i.recovered_at, i.quiet_since, i.closed_at), i.closed_at,
       (CASE WHEN i.closed_at IS NOT NULL THEN i.lost ELSE
           (SELECT coalesce(sum(t.count), 0) FROM exporter_deliverytotal t JOIN exporter_delivery d
                ON d.id = t.delivery_id AND d.kind = 'live' AND t.outcome = 'expired'
             WHERE d.connector_id = i.connector_id)
         - (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(i.expired_before)) END)::bigint
  FROM exporter_incident i
 WHERE i.connector_id = %(connector)s AND (%(before)s::bigint IS NULL OR i.id < %(before)s)
 ORDER BY i.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class PastIncident:
    """`cause` is a `Cause`; `ended_at` is None while it goes on; `lost` counts the events it cost, so far or in all.
    `closed_at` is when nothing more was counted to it."""

    id: int
    cause: str
    opened_at: datetime
    ended_at: datetime | None
    closed_at: datetime | None
    lost: int


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did about it; `person` is empty for the command line."""

    at: datetime
    action: str
    person: str


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


def latest(connector: Connector, limit: int, before: int | None = None) -> list[PastIncident]:
    """The newest first, in one statement."""
    terms: dict[str, Any] = {"connector": connector.pk, "limit": limit, "before": before}
    return [PastIncident(*row) for row in sql.execute(_HISTORY, terms)]


def page(connector: Connector, before: int | None = None) -> HistoryPage:
    """Three statements, however many there are."""
    found = latest(connector, PAGE + 1, before)
    shown = found[:PAGE]
    mails, acts = _mails(shown), _acts(connector, shown)
    told = [
        ToldIncident(one, mails.get(one.id, []), [act for act in acts if _within(one, act.at)])
        for one in shown
    ]
    return HistoryPage(told, shown[-1].id if len(found) > PAGE else None)


def _within(incident: PastIncident, at: datetime) -> bool:
    return incident.opened_at <= at and (incident.closed_at is None or at <= incident.closed_at)


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
        workspace_id=connector.workspace_id, action__in=ACTS, at__gte=min(one.opened_at for one in shown)
    )
    ends = [one.closed_at for one in shown]
    if all(ends):
        rows = rows.filter(at__lte=max(end for end in ends if end))
    entries = rows.select_related("actor").order_by("at", "pk")
    return [
        Act(entry.at, entry.action, entry.actor.get_full_name() if entry.actor else entry.actor_email)
        for entry in entries
    ]
