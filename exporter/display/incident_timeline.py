"""What has happened since a connector got into trouble, newest first: when it began, who was told, how often it was
tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.web import stored_words
from exporter.models import MailStep, Stopped
from exporter.reports.key_history import InUse
from exporter.reports.summary import Summary
from exporter.reports.trouble import Told, Trouble


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    icon: str
    colour: str
    sentence: str


def happenings(summary: Summary, trouble: Trouble | None) -> list[Happening]:
    """Empty where nothing is wrong. Each line names the key of its own time."""
    if trouble is None:
        return []
    found = [_began(summary, trouble), *(_switched(span) for span in trouble.switches)]
    if trouble.switches and summary.stopped == Stopped.KEY_REJECTED and summary.key_rejected_at:
        found.append(_rejected_too(summary.key_last4, summary.key_rejected_at))
    if trouble.tries > 1 and trouble.last_try_at:
        found.append(_tries(summary, trouble.tries, trouble.last_try_at))
    found += [_mail(told) for told in trouble.mails]
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _began(summary: Summary, trouble: Trouble) -> Happening:
    answer = _answer(summary)
    sentences = {
        Stopped.KEY_REJECTED: _("Segment rejected the key ••••%(last4)s. Delivery stopped; events are kept.")
        % {"last4": trouble.key.last4 if trouble.key else summary.key_last4},
        Stopped.REQUEST_REFUSED: _("Segment rejected our request. Delivery stopped; events are kept."),
        Stopped.KEY_UNREADABLE: _("The stored key could not be read. Delivery stopped; events are kept."),
        Stopped.LOG_DAMAGED: _(
            "Stored events could not be read. Delivery stopped; the events behind them are kept."
        ),
    }
    otherwise = (
        _("The first attempt failed; the latest one ended with %(answer)s.") % {"answer": answer}
        if answer
        else _("The first attempt failed.")
    )
    picture = "key-struck" if summary.stopped == Stopped.KEY_REJECTED else "octagon"
    sentence = sentences[Stopped(summary.stopped)] if summary.stopped else otherwise
    return Happening(trouble.since, picture, "bad", sentence)


def _answer(summary: Summary) -> str:
    return stored_words.told(summary.last_answer).rstrip(".")


def _tries(summary: Summary, count: int, last: datetime) -> Happening:
    shown = {"n": number_format(count, force_grouping=True), "answer": _answer(summary)}
    sentence = ngettext(
        "%(n)s more attempt, which ended with %(answer)s.",
        "%(n)s attempts since; the latest ended with %(answer)s.",
        count,
    )
    return Happening(last, "retry", "neu", sentence % shown)


def _switched(span: InUse) -> Happening:
    sentence = _("The key ••••%(last4)s was put in use.") % {"last4": span.last4}
    return Happening(span.since, "key", "neu", sentence)


def _rejected_too(last4: str, at: datetime) -> Happening:
    sentence = _("Segment rejected the key ••••%(last4)s, too.") % {"last4": last4}
    return Happening(at, "key-struck", "bad", sentence)


def _mail(told: Told) -> Happening:
    return Happening(told.at, "mail", "neu", mailed(told))


def mailed(told: Told) -> str:
    """Names the contact and counts the admins."""
    more = len(told.to) - 1
    terms = {"address": told.to[0] if told.to else "–", "step": MailStep(told.step).label, "n": more}
    if more <= 0:
        return _("Mail to %(address)s: %(step)s.") % terms
    sentence = ngettext(
        "Mail to %(address)s and an admin: %(step)s.",
        "Mail to %(address)s and %(n)s admins: %(step)s.",
        more,
    )
    return sentence % terms
