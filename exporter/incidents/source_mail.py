"""Mails to a workspace's admins about a source that cannot be read: after half an hour, and when it is read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from connectors import mail
from connectors.models import Membership, Role
from exporter import sql
from exporter.models import Source

FAILING_FOR = timedelta(minutes=30)
RETRY_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SourceClaim:
    """The mail about one source, ours to send. `over`: it is read again."""

    source: Source
    over: bool

    def message(self) -> mail.Letter | None:
        """None where the workspace has no admin now."""
        source = self.source
        admins = Membership.objects.standing().filter(workspace=source.workspace, role=Role.ADMIN)
        to = sorted(admins.values_list("user__email", flat=True))
        if not to:
            return None
        page = reverse("source", args=[source.workspace.slug, source.pk])
        context = {
            "url": source.url,
            "workspace": source.workspace.name,
            "over": self.over,
            "trouble": source.trouble,
            "since": source.failing_since,
            "link": settings.SITE_URL + page,
        }
        began = source.told_at if self.over else source.failing_since
        moment = f"{began:%Y%m%d%H%M%S}" if began else ""
        return mail.Letter(
            "source", context, to, f"source-{source.pk}-{moment}-{'over' if self.over else 'failing'}"
        )

    def sent(self) -> None:
        told_at = None if self.over else sql.clock()
        Source.objects.filter(pk=self.source.pk).update(told_at=told_at, mail_claimed_until=None)

    def put_off(self) -> None:
        Source.objects.filter(pk=self.source.pk).update(mail_claimed_until=sql.clock() + RETRY_AFTER)


def mail_due() -> int:
    """Sends every such mail that is due and returns how many went out."""
    return mail.send_claimed(claim)


def claim() -> SourceClaim | None:
    """A mail about a source nobody else sends; None where none is due."""
    now = sql.clock()
    with transaction.atomic():
        failing = Q(told_at=None, failing_since__lt=now - FAILING_FOR, paused=False)
        over = Q(told_at__isnull=False, failing_since=None, paused=False)
        due = Source.objects.filter(
            Q(mail_claimed_until=None) | Q(mail_claimed_until__lte=now),
            failing | over,
            workspace__archived_at=None,
        ).select_related("workspace")
        found = due.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk").first()
        if found is None:
            return None
        Source.objects.filter(pk=found.pk).update(mail_claimed_until=now + mail.CLAIM_LASTS)
    return SourceClaim(found, over=found.failing_since is None)
