"""Reminders: a week before the date somebody gave a write key, its connector's contact and the admins get a mail."""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, date, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from connectors import mail
from connectors.models import Connector, Membership, Role
from connectors.setup import lifecycle

log = logging.getLogger(__name__)

AHEAD = timedelta(days=7)


def mail_due(today: date | None = None) -> int:
    """Sends what is due and not sent; answers how many were sent. One that fails is tried again next time."""
    day = today or timezone.localdate(timezone=UTC)
    sent = 0
    for connector in Connector.objects.filter(
        key_reminder_on__lte=day + AHEAD, key_reminded_at__isnull=True
    ).select_related("workspace"):
        mine = Connector.objects.filter(pk=connector.pk, key_reminded_at__isnull=True)
        # Claimed before it is sent, so that two workers do not both send it.
        if not mine.update(key_reminded_at=timezone.now()):
            continue
        try:
            with translation.override(settings.LANGUAGE_CODE):
                mail.send(letter(connector), recipients(connector))
            sent += 1
        except (OSError, smtplib.SMTPException) as error:
            log.warning("A reminder was not sent (%s).", type(error).__name__)
            Connector.objects.filter(pk=connector.pk).update(key_reminded_at=None)
    return sent


def recipients(connector: Connector) -> list[str]:
    admins = Membership.objects.standing().filter(workspace=connector.workspace, role=Role.ADMIN)
    return sorted({connector.contact_email, *admins.values_list("user__email", flat=True)})


def letter(connector: Connector) -> mail.Letter:
    key = lifecycle.key_in_use(connector)
    words = {
        "connector": connector.name,
        "day": date_format(connector.key_reminder_on, "j F Y") if connector.key_reminder_on else "",
        "last4": key.last4 if key else "",
        "since": date_format(key.activated_at, "j F Y") if key and key.activated_at else "",
    }
    return mail.Letter(
        subject=_("%(connector)s: replace the write key by %(day)s") % words,
        sentences=[
            _("The write key of %(connector)s ending in %(last4)s is in use since %(since)s.") % words,
            _(
                "It should be replaced by %(day)s. Make a new one in Segment, then an admin switches to it here."
            )
            % words,
            _("Nothing stops by itself on that day; Segment decides how long a key works."),
        ],
        address=settings.SITE_URL + reverse("write_key", args=[connector.workspace.slug, connector.pk]),
        verb=_("Rotate write key"),
        why=_(
            "You get this mail because you are the contact of this connector or an admin of its workspace."
        ),
    )
