"""The letters about an incident: what the templates of `templates/mail/incident/` are filled with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import nlargest

from django.conf import settings
from django.utils.functional import lazy

from connectors.mail import Letter
from connectors.web import stored_words
from connectors.web.time_words import exactly
from exporter.destinations.answer import OF_OURS
from exporter.models import MailStep

MOST_TYPES = 10

# Said when the letter is rendered, in its reader's language.
_exactly = lazy(exactly, str)
_answer = lazy(stored_words.told, str)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a letter is made from. `cause` is a `Cause`. `expired` maps an event type to how many events expired in
    this incident; `first_loss` is None where nothing waits; `answer` is what Segment last answered to a failed
    attempt, empty where it gave none. `until` is when Segment began to accept again. `paused`: whatever `cause` is,
    nothing is tried before somebody resumes the connector."""

    connector: str
    workspace: str
    link: str
    cause: str
    since: datetime
    now: datetime
    pending: int
    first_loss: datetime | None
    expired: dict[str, int]
    kept_until: datetime
    answer: str
    until: datetime | None = None
    paused: bool = False


def write(step: MailStep, facts: Facts, to: list[str], reference: str, language: str = "") -> Letter:
    most = nlargest(MOST_TYPES, sorted(facts.expired.items()), key=lambda item: item[1])
    lost = sum(facts.expired.values())
    context = asdict(facts) | {
        "hours": f"{settings.CURRENTS_EXPIRY_HOURS:g}",
        "answer": _answer(facts.answer),
        # A fault of ours is no answer of Segment.
        "answered": bool(facts.answer) and not facts.answer.startswith(OF_OURS),
        "left": _exactly(facts.first_loss - facts.now) if facts.first_loss else "",
        "loss_has_begun": facts.first_loss is not None and facts.first_loss <= facts.now,
        "lasted": _exactly(facts.until - facts.since) if facts.until else "",
        "lost": lost,
        "most_lost": most,
        "lost_otherwise": lost - sum(count for _type, count in most),
    }
    return Letter(f"incident/{step.value}", context, to, reference, language)
