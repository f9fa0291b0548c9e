"""Reminders: a week before the day a write key should be replaced by, its connector's contact and the workspace's
admins get a mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from connectors import mail
from connectors.models import Connector
from connectors.setup import lifecycle
from connectors.workspaces import members

AHEAD = timedelta(days=7)
RETRY_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ReminderClaim:
    """The reminder of one connector for one day, ours to send. If the day changes meanwhile, the new one gets its own
    mail."""

    connector: Connector
    day: date

    def message(self) -> mail.Letter:
        connector, key = self.connector, lifecycle.key_in_use(self.connector)
        page = reverse("write_key", args=[connector.workspace.slug, connector.pk])
        context = {
            "connector": connector.name,
            "day": self.day,
            "last4": key.last4 if key else "",
            "since": key.activated_at if key else None,
            "link": settings.SITE_URL + page,
        }
        reference = f"key-reminder-{connector.pk}-{self.day:%Y%m%d}"
        return mail.Letter("key_reminder", context, recipients(connector), reference, connector.language)

    def sent(self) -> None:
        self._row().update(key_reminded_at=Now(), key_reminder_claimed_until=None)

    def put_off(self) -> None:
        self._row().update(key_reminder_claimed_until=_from_now(RETRY_AFTER))

    def _row(self) -> QuerySet[Connector]:
        return Connector.objects.filter(pk=self.connector.pk, key_reminder_on=self.day)


def mail_due(today: date | None = None) -> int:
    """Sends the reminders that are due and returns how many went out."""
    day = today or timezone.localdate(timezone=UTC)
    return mail.send_claimed(lambda: claim(day))


def claim(today: date) -> ReminderClaim | None:
    """A reminder nobody else holds; None where none is due."""
    with transaction.atomic():
        due = Connector.objects.filter(
            Q(key_reminder_claimed_until=None) | Q(key_reminder_claimed_until__lte=Now()),
            key_reminder_on__lte=today + AHEAD,
            key_reminded_at=None,
        )
        connector = (
            due.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .select_related("workspace")
            .order_by("key_reminder_on", "pk")
            .first()
        )
        if connector is None or connector.key_reminder_on is None:
            return None
        Connector.objects.filter(pk=connector.pk).update(
            key_reminder_claimed_until=_from_now(mail.CLAIM_LASTS)
        )
    return ReminderClaim(connector, connector.key_reminder_on)


def recipients(connector: Connector) -> list[str]:
    admins = members.admins(connector.workspace)
    return sorted({connector.contact_email, *admins.values_list("email", flat=True)})


def _from_now(span: timedelta) -> CombinedExpression:
    return Now() + span
