"""Mails to a workspace's admins about a source that cannot be read or has fallen behind: after half an hour, and when
that is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from connectors import mail
from connectors.models import Membership, Role
from exporter import sql
from exporter.models import Source

FAILING_FOR = timedelta(minutes=30)
RETRY_AFTER = timedelta(minutes=5)
# New objects wait for so long at most; what was there before the source takes its time.
LATE_AFTER = timedelta(hours=1)

_NOTE_LATE = """
UPDATE exporter_source s SET late_since = CASE WHEN found.late THEN clock_timestamp() END
  FROM (SELECT one.id, NOT one.paused AND one.trouble = '' AND coalesce(
               oldest.modified_at > one.created_at AND oldest.modified_at < clock_timestamp() - %(late_after)s, false)
          FROM exporter_source one
          LEFT JOIN LATERAL (SELECT modified_at FROM exporter_sourceobject o
                              WHERE o.source_id = one.id AND o.state = 'waiting'
                              ORDER BY modified_at LIMIT 1) oldest ON true) found (id, late)
 WHERE s.id = found.id AND found.late <> (s.late_since IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class SourceClaim:
    """The mail about one source, ours to send."""

    source: Source

    @property
    def over(self) -> bool:
        """Whether it is read again, and in time."""
        return self.source.failing_since is None and self.source.late_since is None

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
            "since": source.failing_since or source.late_since,
            "link": settings.SITE_URL + page,
        }
        began = source.told_at if self.over else source.failing_since or source.late_since
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
    """Notes which sources have fallen behind, sends every mail that is due and returns how many went out."""
    sql.execute(_NOTE_LATE, {"late_after": LATE_AFTER})
    return mail.send_claimed(claim)


def _untold(since: str, long_ago: datetime) -> Q:
    """A trouble that has lasted long enough and began after the last one that was told."""
    return Q(**{f"{since}__lt": long_ago}) & (Q(told_at=None) | Q(told_at__lt=F(since)))


def claim() -> SourceClaim | None:
    """A mail about a source nobody else sends; None where none is due."""
    now = sql.clock()
    with transaction.atomic():
        long_ago = now - FAILING_FOR
        bad = _untold("failing_since", long_ago) | _untold("late_since", long_ago)
        over = Q(told_at__isnull=False, failing_since=None, late_since=None)
        due = Source.objects.filter(
            Q(mail_claimed_until=None) | Q(mail_claimed_until__lte=now),
            bad | over,
            paused=False,
            workspace__archived_at=None,
        ).select_related("workspace")
        found = due.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk").first()
        if found is None:
            return None
        Source.objects.filter(pk=found.pk).update(mail_claimed_until=now + mail.CLAIM_LASTS)
    return SourceClaim(found)
