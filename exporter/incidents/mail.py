"""Notices: the mails to a connector's contact address and to the admins of its workspace who want them.

A notice is written where the trouble is noticed and sent here. All notices of an incident that are due are claimed
together, by one conditional update, and go out as one mail: the weightiest. So each is sent once, however many workers
try. `connectors.mail` says what a claim is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from connectors import mail
from connectors.models import Connector
from connectors.workspaces import members
from exporter import sql
from exporter.delivery import over_age, settings_in_force
from exporter.delivery.pending import oldest_deliverable
from exporter.delivery.piece import Piece
from exporter.delivery.settings_in_force import Gone
from exporter.incidents import letter as letters
from exporter.incidents.letter import Facts
from exporter.log import retention
from exporter.log.damage import Damaged
from exporter.models import Cause, Delivery, DeliveryKind, Incident, MailStep, Notice
from exporter.reports import summary as status
from exporter.reports.summary import Summary

SHORTEST_WAIT, LONGEST_WAIT = 60, 3600
GIVE_UP_DAYS = 3

# The second look at `claimed_until`, by the update, is the one that counts when two workers come at once.
_CLAIM = """
WITH due AS (
    SELECT i.id FROM exporter_incident i
     WHERE EXISTS (SELECT 1 FROM exporter_notice n WHERE n.incident_id = i.id AND n.sent_at IS NULL
                      AND n.created_at > %(oldest)s AND (n.claimed_until IS NULL OR n.claimed_until <= %(now)s))
       AND NOT EXISTS (SELECT 1 FROM exporter_notice n WHERE n.incident_id = i.id AND n.sent_at IS NULL
                          AND n.claimed_until > %(now)s)
     ORDER BY i.id LIMIT 1 FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE exporter_notice n SET claimed_until = %(until)s, tries = n.tries + 1
  FROM due
 WHERE n.incident_id = due.id AND n.sent_at IS NULL AND (n.claimed_until IS NULL OR n.claimed_until <= %(now)s)
RETURNING n.id, n.incident_id, n.step, n.tries
"""


@dataclass(frozen=True, slots=True)
class NoticeClaim:
    """Notices of one incident that are ours to send. `at` stands for the database's clock where it is given."""

    incident_id: int
    notices: list[int]
    step: MailStep
    tries: int
    at: datetime | None = None
    to: list[str] = field(default_factory=list)

    def message(self) -> mail.Letter | None:
        """None if the connector has been deleted, so that there is nobody to tell."""
        incident = Incident.objects.filter(pk=self.incident_id).select_related("connector__workspace").first()
        if incident is None:
            return None
        reference = f"incident-{self.incident_id}-{self.step.value}"
        connector = incident.connector
        self.to[:] = recipients(connector)
        return letters.write(self.step, facts(incident, self.at), self.to, reference, connector.language)

    def sent(self) -> None:
        note(self.incident_id, self.notices, sent_at=self._now(), sent_to=self.to)

    def put_off(self) -> None:
        note(self.incident_id, self.notices, claimed_until=self._now() + wait_after(self.tries))

    def _now(self) -> datetime:
        return self.at or sql.clock()


@transaction.atomic
def note(incident_id: int, notices: list[int], **changes: object) -> None:
    """What became of notices that are ours. Their incident is locked first, as it is for each claim, because a claim
    for the webhook locks the same notices in an order of its own."""
    list(Incident.objects.select_for_update(no_key=True).filter(pk=incident_id).values_list("pk", flat=True))
    Notice.objects.filter(pk__in=notices).update(**changes)


def wait_after(tries: int) -> timedelta:
    """How long after so many tries in vain the next one is due."""
    return timedelta(seconds=min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(tries - 1, 16)))


def recipients(connector: Connector) -> list[str]:
    """The contact first, then the admins who have not turned these mails off."""
    admins = members.admins(connector.workspace).filter(trouble_mails=True)
    others = sorted(set(admins.values_list("email", flat=True)) - {connector.contact_email.lower()})
    return [connector.contact_email, *others]


def mail_due(at: datetime | None = None) -> int:
    """Sends every mail that is due and returns how many went out; what is left is tried again later."""
    return mail.send_claimed(lambda: claim(at))


def claim(at: datetime | None = None) -> NoticeClaim | None:
    """The due notices of one incident, ours until the claim expires; None where nothing is due."""
    taken = take(_CLAIM, at)
    return NoticeClaim(*taken, at) if taken else None


def take(statement: str, at: datetime | None) -> tuple[int, list[int], MailStep, int] | None:
    """Runs a statement that claims due notices of one incident; answers the incident, the notices, the weightiest of
    their steps, and how often the most tried one was tried."""
    now = at or sql.clock()
    terms = {"now": now, "until": now + mail.CLAIM_LASTS, "oldest": now - timedelta(days=GIVE_UP_DAYS)}
    with connection.cursor() as cursor:
        cursor.execute(statement, terms)
        rows = cursor.fetchall()
    if not rows:
        return None
    weights = MailStep.values
    step = max((row[2] for row in rows), key=weights.index)
    return rows[0][1], [row[0] for row in rows], MailStep(step), max(row[3] for row in rows)


def facts(incident: Incident, at: datetime | None = None) -> Facts:
    """The present state of the incident's connector."""
    connector, now = incident.connector, at or sql.clock()
    summary = status.summary(connector)
    first = _oldest(connector.pk, now)
    before: dict[str, int] = incident.expired_before
    expired = {
        row.event_type: row.outcomes["expired"] - before.get(row.event_type, 0)
        for row in status.by_type(connector)
    }
    return Facts(
        connector=connector.name,
        workspace=connector.workspace.name,
        link=settings.SITE_URL + reverse("status", args=[connector.workspace.slug, connector.pk]),
        cause=incident.reason,
        since=_since(incident, summary),
        now=now,
        pending=summary.pending,
        first_loss=first + over_age.expiry() if first else None,
        expired={name: count for name, count in expired.items() if count > 0},
        kept_until=retention.kept_until(connector.workspace, _losing_since(incident) or now)
        - over_age.expiry(),
        answer=summary.last_answer,
        until=incident.recovered_at,
        paused=connector.is_paused,
    )


def _since(incident: Incident, summary: Summary) -> datetime:
    """Of what is over, when it began: the connector may be in another trouble by the time this is told."""
    if incident.closed_at is not None:
        return incident.opened_at
    paused = incident.reason == Cause.PAUSED
    return (incident.connector.paused_at if paused else summary.failing_since) or incident.opened_at


def _losing_since(incident: Incident) -> datetime | None:
    dropping = Notice.objects.filter(incident=incident, step=MailStep.DROPPING)
    return dropping.values_list("created_at", flat=True).first()


def _oldest(connector_id: int, now: datetime) -> datetime | None:
    """When the oldest event waiting to be sent was received."""
    delivery = Delivery.objects.get(connector_id=connector_id, kind=DeliveryKind.LIVE)
    try:
        _revision_id, plan = settings_in_force.rules(connector_id)
        pieces = [Piece.from_json(stored) for stored in delivery.ahead]
        return oldest_deliverable(delivery.workspace_id, delivery.cursor, pieces, plan, now)
    except (Damaged, Gone):
        return None
