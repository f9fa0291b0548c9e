"""Notifications: the mails to a connector's contact address.

Notices are written where the thing happens; here they are sent. An incident's notices are claimed together by one
conditional update and go as one mail, the weightiest; so each is sent once, however many workers try. A claim runs
out, so a worker that dies in mid-mail costs minutes (and, if the mail server had taken the mail already, a second
copy under the same Message-ID). No transaction is open while the mail server is spoken to.
"""

from __future__ import annotations

import logging
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from exporter import sql
from exporter.delivery import over_age, settings_in_force
from exporter.delivery.pending import oldest_deliverable
from exporter.delivery.piece import Piece
from exporter.delivery.reader import Gap
from exporter.delivery.settings_in_force import Gone
from exporter.incidents import letter as letters
from exporter.incidents.letter import Facts
from exporter.models import Cause, Delivery, Incident, Kind, MailStep
from exporter.reports import summary as status

log = logging.getLogger(__name__)

# Longer than a mail server that answers slowly, but answers, can take.
CLAIM_SECONDS = 300
SHORTEST_WAIT, LONGEST_WAIT = 60, 3600
GIVE_UP_DAYS = 3
_REFUSALS = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)

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
class Claim:
    """Notices of one incident that are ours to send."""

    incident_id: int
    notices: list[int]
    step: str
    tries: int

    @property
    def message_id(self) -> str:
        host = urlsplit(settings.SITE_URL).hostname or "localhost"
        return f"<incident-{self.incident_id}-{self.step}@{host}>"


def mail_due(at: datetime | None = None) -> int:
    """Sends every mail that is due; answers how many were sent. Ends at once when the mail server is of no help;
    what is left is tried again later."""
    sent = 0
    while (mine := claim(at)) is not None:
        try:
            sent += send(mine, at)
        except Exception as error:  # whatever a mail server or a template does: the others must not suffer
            log.warning("The mail “%s” was not sent (%s).", mine.step, type(error).__name__)
            _put_off(mine, at)
            if isinstance(error, OSError) and not isinstance(error, _REFUSALS):
                break
        else:
            _done(mine, at)
    return sent


def claim(at: datetime | None = None) -> Claim | None:
    """The notices of one incident, ours for five minutes; None where nothing is due."""
    now = at or sql.clock()
    terms = {
        "now": now,
        "until": now + timedelta(seconds=CLAIM_SECONDS),
        "oldest": now - timedelta(days=GIVE_UP_DAYS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, terms)
        rows = cursor.fetchall()
    if not rows:
        return None
    weights = MailStep.values
    weightiest = max(rows, key=lambda row: weights.index(row[2]))
    return Claim(rows[0][1], [row[0] for row in rows], weightiest[2], max(row[3] for row in rows))


def send(mine: Claim, at: datetime | None = None) -> int:
    """Sends one mail; 0 where the connector is gone, so that there is nobody to tell.

    Raises:
        OSError, smtplib.SMTPException: the mail server did not take it.
    """
    incident = Incident.objects.filter(pk=mine.incident_id).select_related("connector__workspace").first()
    if incident is None:
        return 0
    with translation.override(settings.LANGUAGE_CODE):
        letter = letters.write(mine.step, facts(incident, at))
        context = {"letter": letter}
        mail = EmailMultiAlternatives(
            subject=letter.subject,
            body=render_to_string("mail/letter.txt", context),
            to=[incident.connector.contact_email],
            headers={"Message-ID": mine.message_id, "Auto-Submitted": "auto-generated"},
        )
        mail.attach_alternative(render_to_string("mail/letter.html", context), "text/html")
    # A server that hangs must not keep a database connection waiting, nor a snapshot open.
    connection.close()
    return mail.send()


def facts(incident: Incident, at: datetime | None = None) -> Facts:
    """How things stand now."""
    connector, now = incident.connector, at or sql.clock()
    summary = status.summary(connector)
    first = _oldest(connector.pk, now)
    before: dict[str, int] = incident.expired_before
    lost = {
        row.event_type: row.outcomes["expired"] - before.get(row.event_type, 0)
        for row in status.by_type(connector)
    }
    since = connector.paused_at if incident.reason == Cause.PAUSED else summary.failing_since
    return Facts(
        connector=connector.name,
        workspace=connector.workspace.name,
        address=settings.SITE_URL + reverse("status", args=[connector.workspace.slug, connector.pk]),
        reason=incident.reason,
        since=since or incident.opened_at,
        now=now,
        pending=summary.pending,
        first_loss=first + over_age.expiry() if first else None,
        lost={name: count for name, count in lost.items() if count > 0},
        kept_until=now + timedelta(hours=settings.CURRENTS_RETENTION_HOURS) - over_age.expiry(),
        answer=summary.last_answer,
    )


def _oldest(connector_id: int, now: datetime) -> datetime | None:
    """When the oldest waiting event that would be sent was received."""
    delivery = Delivery.objects.get(connector_id=connector_id, kind=Kind.LIVE)
    try:
        _revision_id, plan = settings_in_force.rules(connector_id)
        pieces = [Piece.from_json(stored) for stored in delivery.ahead]
        return oldest_deliverable(delivery.workspace_id, delivery.cursor, pieces, plan, now)
    except (Gap, Gone):
        return None


def _done(mine: Claim, at: datetime | None) -> None:
    now = at or sql.clock()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_notice SET sent_at = %s WHERE id = ANY(%s)", [now, mine.notices])


def _put_off(mine: Claim, at: datetime | None) -> None:
    wait = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(mine.tries - 1, 16))
    until = (at or sql.clock()) + timedelta(seconds=wait)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_notice SET claimed_until = %s WHERE id = ANY(%s)", [until, mine.notices]
        )
