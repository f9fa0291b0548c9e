"""The weekly mail: what became of a connector's events in a week without trouble, for contacts who asked for it.

A week is one of UTC, from Monday to Sunday. Its mail goes out on the Monday after, and no later than Tuesday. A week
with trouble has had its own mails and gets no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from connectors import mail
from connectors.models import Connector
from exporter import sql
from exporter.log.batches import OTHER
from exporter.models import Incident, WeeklyMail
from exporter.reports import event_types

WEEK = timedelta(days=7)
# In the morning of Europe, when the last hour of the week was counted.
SENT_FROM, SENT_UNTIL = timedelta(hours=6), timedelta(hours=48)
RETRY_AFTER = timedelta(minutes=15)
# Event types that are named; further ones are told by their number.
MOST_TYPES = 10

_CLAIM = """
WITH due AS (
    SELECT c.id FROM connectors_connector c LEFT JOIN exporter_weeklymail w ON w.connector_id = c.id
     WHERE c.weekly_mail AND c.created_at <= %(begin)s
       AND (w.told_until IS NULL OR w.told_until < %(end)s)
       AND (w.claimed_until IS NULL OR w.claimed_until <= %(now)s)
     ORDER BY c.id LIMIT 1 FOR NO KEY UPDATE OF c SKIP LOCKED
)
INSERT INTO exporter_weeklymail AS w (connector_id, claimed_until) SELECT id, %(until)s FROM due
ON CONFLICT (connector_id) DO UPDATE SET claimed_until = excluded.claimed_until
 WHERE w.claimed_until IS NULL OR w.claimed_until <= %(now)s
RETURNING w.connector_id
"""
_BECAME = """
SELECT c.outcome, sum(c.count)::bigint
  FROM exporter_deliverycount c JOIN exporter_delivery d ON d.id = c.delivery_id
 WHERE d.connector_id = %(connector)s AND d.kind = 'live' AND c.minute >= %(begin)s AND c.minute < %(end)s
 GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class WeeklyClaim:
    """The mail about a connector's week that ended at `end`, ours to send until the claim expires."""

    connector_id: int
    end: datetime

    def message(self) -> mail.Letter | None:
        """None if the week had trouble or the connector has been deleted."""
        connector = Connector.objects.filter(pk=self.connector_id).select_related("workspace").first()
        if connector is None or self._trouble():
            return None
        reference = f"week-{self.connector_id}-{self.end:%Y%m%d}"
        return mail.Letter(
            "weekly", self._facts(connector), [connector.contact_email], reference, connector.language
        )

    def sent(self) -> None:
        self._rows().update(told_until=self.end, claimed_until=None)

    def put_off(self) -> None:
        self._rows().update(claimed_until=sql.clock() + RETRY_AFTER)

    def _rows(self) -> QuerySet[WeeklyMail]:
        return WeeklyMail.objects.filter(connector_id=self.connector_id)

    def _trouble(self) -> bool:
        ended = Q(closed_at__isnull=False, closed_at__lt=self.end - WEEK)
        return (
            Incident.objects.filter(connector_id=self.connector_id, opened_at__lt=self.end)
            .exclude(ended)
            .exists()
        )

    def _facts(self, connector: Connector) -> dict[str, object]:
        begin = self.end - WEEK
        terms = {"connector": connector.pk, "begin": begin, "end": self.end}
        became: dict[str, int] = dict(sql.execute(_BECAME, terms))
        seen = [one for one in event_types.types_of(connector.workspace, self.end) if one.event_type != OTHER]
        appeared = [one for one in seen if one.new]
        stopped = [one for one in seen if one.silent and one.silent >= begin]
        page = settings.SITE_URL + reverse("status", args=[connector.workspace.slug, connector.pk])
        return {
            "connector": connector.name,
            "first_day": begin,
            "last_day": self.end - timedelta(days=1),
            "accepted": became.get("delivered", 0),
            "rejected": became.get("rejected", 0),
            "appeared": appeared[:MOST_TYPES],
            "appeared_otherwise": len(appeared[MOST_TYPES:]),
            "stopped": stopped[:MOST_TYPES],
            "stopped_otherwise": len(stopped[MOST_TYPES:]),
            "link": page,
        }


def mail_due(at: datetime | None = None) -> int:
    """Sends the mails of the week that has just ended and returns how many went out."""
    now = at or sql.clock()
    end = week_end(now)
    if not end + SENT_FROM <= now < end + SENT_UNTIL:
        return 0
    return mail.send_claimed(lambda: claim(end, now))


def claim(end: datetime, now: datetime) -> WeeklyClaim | None:
    """A mail nobody else holds about the week that ended at `end`; None where none is due."""
    terms = {"begin": end - WEEK, "end": end, "now": now, "until": now + mail.CLAIM_LASTS}
    rows = sql.execute(_CLAIM, terms)
    return WeeklyClaim(rows[0][0], end) if rows else None


def week_end(now: datetime) -> datetime:
    """The last midnight between a Sunday and a Monday, in UTC."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday())
