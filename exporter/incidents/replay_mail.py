"""The mail at the end of a replay that took long, to the person who began it, or to the contact where a program did.

A replay bears its own claim; `connectors.mail` says what a claim is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.functional import lazy

from connectors import mail
from connectors.web.time_words import duration
from exporter import sql
from exporter.ledger.outcomes import Outcome
from exporter.models import Replay, ReplayState
from exporter.reports import replays

LONG = timedelta(minutes=10)
RETRY_AFTER = timedelta(minutes=5)
GIVE_UP = timedelta(days=3)
_LEFT_OUT = (Outcome.UNSELECTED, Outcome.ANONYMOUS, Outcome.UNSUPPORTED)

# Said when the letter is rendered, in its reader's language.
_duration = lazy(duration, str)


@dataclass(frozen=True, slots=True)
class ReplayClaim:
    """The mail about one replay, ours to send."""

    replay: Replay

    def message(self) -> mail.Letter:
        (progress,) = replays.progress([self.replay])
        connector, person = self.replay.connector, self.replay.created_by
        page = reverse("replay", args=[connector.workspace.slug, connector.pk, self.replay.pk])
        context = {
            "connector": connector.name,
            "file": progress.upload.name if progress.upload else "",
            "since": self.replay.since,
            "until": self.replay.until,
            "took": _duration(progress.seconds),
            "done": progress.state == ReplayState.DONE,
            "cancelled": progress.state == ReplayState.CANCELLED,
            "failed": progress.state == ReplayState.FAILED,
            "delivered": progress.outcomes[Outcome.DELIVERED],
            "rejected": progress.outcomes[Outcome.REJECTED],
            "left_out": sum(progress.outcomes[outcome] for outcome in _LEFT_OUT),
            "link": settings.SITE_URL + page,
        }
        to = person.email if person else connector.contact_email
        language = person.language if person else connector.language
        return mail.Letter("replay", context, [to], f"replay-{self.replay.pk}", language)

    def sent(self) -> None:
        Replay.objects.filter(pk=self.replay.pk).update(told_at=sql.clock())

    def put_off(self) -> None:
        Replay.objects.filter(pk=self.replay.pk).update(mail_claimed_until=sql.clock() + RETRY_AFTER)


def mail_due() -> int:
    """Sends every such mail that is due and returns how many went out."""
    return mail.send_claimed(claim)


def claim() -> ReplayClaim | None:
    """The end of a replay nobody else tells of; None where none is due."""
    now = sql.clock()
    with transaction.atomic():
        due = Replay.objects.filter(
            Q(mail_claimed_until=None) | Q(mail_claimed_until__lte=now),
            Q(finished_at__gt=now - GIVE_UP) & Q(finished_at__gt=F("started_at") + LONG),
            told_at=None,
        ).select_related("connector__workspace", "delivery", "created_by")
        found = due.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk").first()
        if found is None:
            return None
        Replay.objects.filter(pk=found.pk).update(mail_claimed_until=now + mail.CLAIM_LASTS)
    return ReplayClaim(found)
