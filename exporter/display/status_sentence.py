"""The status of a connector in plain words: what happened, what it means, what to do next.

One function per health. The page and the list use the same sentences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.web import stored_words
from connectors.web.list_words import one_after_the_other
from connectors.web.time_words import MINUTE, by_the_clock, duration, to_the_second
from exporter.destinations.answer import OF_OURS
from exporter.display.sentence_parts import (
    clock,
    events,
    hours_ago,
    last_answer,
    nothing_lost,
    paused_too,
    waiting,
    waiting_until_loss,
)
from exporter.log import retention
from exporter.reports.health import LOSING, Health
from exporter.reports.summary import Summary


@dataclass(frozen=True, slots=True)
class Sentence:
    """`step` names the button that helps: `rotate`, `try_now`, `resume`, `intake`, or nothing."""

    headline: str
    meaning: str
    step: str = ""


def sentence(summary: Summary, now: datetime, left_seconds: float | None = None) -> Sentence:
    """`left_seconds` estimates how long a connector will take to catch up."""
    if summary.health == Health.CATCHING_UP and left_seconds is not None:
        return _catching_up_soon(summary, left_seconds)
    return _BY_HEALTH[Health(summary.health)](summary, now)


def _delivering(summary: Summary, now: datetime) -> Sentence:
    behind = duration(summary.lag_seconds)
    headline = (
        _("Delivering; %(span)s behind.") % {"span": behind}
        if summary.pending
        else _("Delivering; up to date.")
    )
    rejected = summary.outcomes.get("rejected", 0)
    # Counted by when they were received: after a long trouble much more was accepted.
    meaning = ngettext(
        "Nothing to do. Segment has accepted %(n)s event of those received in the last 24 hours.",
        "Nothing to do. Segment has accepted %(n)s events of those received in the last 24 hours.",
        summary.delivered_24h,
    ) % {"n": number_format(summary.delivered_24h, force_grouping=True)}
    if rejected:
        meaning += " " + ngettext(
            "Since launch, %(n)s event has been rejected by Segment or not sent, because of its content.",
            "Since launch, %(n)s events have been rejected by Segment or not sent, because of their content.",
            rejected,
        ) % {"n": number_format(rejected, force_grouping=True)}
    return Sentence(headline, meaning)


def _catching_up(summary: Summary, now: datetime) -> Sentence:
    return Sentence(
        _("Catching up; %(waiting)s.") % {"waiting": waiting(summary.pending)},
        _("The oldest has been waiting for %(span)s. Nothing to do: the oldest are sent first.")
        % {"span": duration(summary.lag_seconds)},
    )


def _catching_up_soon(summary: Summary, left_seconds: float) -> Sentence:
    return Sentence(
        _("Catching up; about %(span)s left.") % {"span": duration(max(round(left_seconds), 1))},
        _("%(waiting)s, the oldest for %(span)s. Nothing to do: the oldest are sent first.")
        % {"waiting": waiting(summary.pending), "span": duration(summary.lag_seconds)},
    )


def _key_rejected(summary: Summary, now: datetime) -> Sentence:
    """Of the key in use, which may have been switched since the trouble began."""
    when_valid = paused_too(summary) or _(
        "With a valid key, everything that is waiting is sent, oldest first. We try again every 5 minutes."
    )
    terms = {"last4": summary.key_last4, "waiting": waiting_until_loss(summary, now)}
    if summary.key_rejected_at is None:
        headline = _(
            "Segment rejected the earlier write key; ••••%(last4)s has not been tried yet. %(waiting)s"
        )
        return Sentence(
            headline % terms,
            one_after_the_other((nothing_lost(summary), when_valid)),
            "resume" if summary.connector.is_paused else "try_now",
        )
    terms["since"] = hours_ago(summary.key_rejected_at, now)
    headline = _("Segment rejected the write key ••••%(last4)s %(since)s. %(waiting)s")
    parts = (nothing_lost(summary), _rejected_again(summary, now), when_valid)
    return Sentence(headline % terms, one_after_the_other(parts), "rotate")


def _rejected_again(summary: Summary, now: datetime) -> str:
    """Also by its fingerprint, because the last four characters of two keys can be alike."""
    terms = {"print": summary.key_fingerprint}
    first, last = summary.key_rejected_at, summary.key_rejected_again_at
    if first is None or last is None or last - first < timedelta(seconds=MINUTE):
        return _("Fingerprint of this key: %(print)s.") % terms if summary.key_fingerprint else ""
    terms["when"] = by_the_clock(last, now)
    if not summary.key_fingerprint:
        return _("Last rejected: %(when)s.") % terms
    return _("Last rejected: %(when)s (fingerprint %(print)s).") % terms


def _request_refused(summary: Summary, now: datetime) -> Sentence:
    answer = stored_words.told(summary.last_answer) or _("an error")
    again = _(
        "Last answer: %(answer)s. Compare the region and the write key with Segment; we try again every 5 minutes."
    ) % {"answer": answer.rstrip(".")}
    if summary.connector.is_paused:
        again = one_after_the_other((last_answer(summary), paused_too(summary)))
    return Sentence(
        _("Segment has been rejecting our requests since %(when)s. %(waiting)s")
        % {"when": clock(summary.failing_since, now), "waiting": waiting_until_loss(summary, now)},
        one_after_the_other((nothing_lost(summary), again)),
        "rotate",
    )


def _key_unreadable(summary: Summary, now: datetime) -> Sentence:
    return Sentence(
        _("The stored key cannot be read. Delivery of this connector has stopped."),
        one_after_the_other(
            (
                _("An admin can enter the key again. %(waiting)s")
                % {"waiting": waiting_until_loss(summary, now)},
                paused_too(summary),
            )
        ),
        "rotate",
    )


def _log_damaged(summary: Summary, now: datetime) -> Sentence:
    passing = _(
        "Whoever runs Currents Admin can restore the database, or pass the unreadable events with "
        "“manage.py skip_damaged --connector %(id)s”; they are then counted as rejected."
    ) % {"id": summary.connector.pk}
    return Sentence(
        _(
            "Stored events of this connector cannot be read. Delivery has been stopped since %(when)s. %(waiting)s"
        )
        % {"when": clock(summary.failing_since, now), "waiting": waiting_until_loss(summary, now)},
        one_after_the_other((passing, paused_too(summary))),
    )


def _losing_events(summary: Summary, now: datetime) -> Sentence:
    expiry, kept = settings.CURRENTS_EXPIRY_HOURS, retention.hours_of(summary.connector.workspace)
    since = summary.losing_since or now
    missed = _("They could not be delivered within %(hours)s hours of their arrival.") % {
        "hours": f"{expiry:g}"
    }
    until = since + timedelta(hours=kept - expiry)
    if until > now:
        in_log = _("The log keeps them until %(until)s.") % {"until": by_the_clock(until, now)}
    else:
        in_log = _("The first of them have already left the log, which keeps events for %(hours)s hours.") % {
            "hours": f"{kept:g}"
        }
    if summary.accepting_since is not None:
        return _was_losing(summary, now, summary.accepting_since, (missed, in_log))
    headline = _("Losing events since %(when)s: %(count)s so far.") % {
        "when": by_the_clock(since, now),
        "count": events(summary.lost),
    }
    step = "rotate" if summary.stopped else "try_now" if summary.failing_since else ""
    parts = (missed, in_log, last_answer(summary))
    return Sentence(headline, one_after_the_other(parts), "resume" if summary.connector.is_paused else step)


def _was_losing(
    summary: Summary, now: datetime, accepting_since: datetime, known: tuple[str, ...]
) -> Sentence:
    """Its incident is over; the health stays for some minutes, so that nobody misses it."""
    headline = ngettext(
        "%(n)s event has been lost. Segment has been accepting events again since %(when)s.",
        "%(n)s events have been lost. Segment has been accepting events again since %(when)s.",
        summary.lost,
    ) % {
        "n": number_format(summary.lost, force_grouping=True),
        "when": by_the_clock(accepting_since, now),
    }
    stays = _("This status stays for %(span)s after the last loss.") % {
        "span": duration(LOSING.total_seconds())
    }
    return Sentence(headline, one_after_the_other((*known, stays)))


def _paused(summary: Summary, now: datetime) -> Sentence:
    connector = summary.connector
    when = clock(connector.paused_at, now)
    if connector.paused_by is not None:
        headline = _("Paused by %(person)s (%(when)s).") % {
            "person": connector.paused_by.get_full_name(),
            "when": when,
        }
    else:
        headline = _("Paused (%(when)s).") % {"when": when}
    if not summary.pending:
        meaning = _(
            "Nothing is waiting. Events that arrive in the meantime are kept for %(hours)s hours."
        ) % {"hours": f"{settings.CURRENTS_EXPIRY_HOURS:g}"}
    elif summary.first_loss_at and summary.first_loss_at > now:
        meaning = _("%(waiting)s, kept until %(when)s.") % {
            "waiting": waiting(summary.pending),
            "when": by_the_clock(summary.first_loss_at, now),
        }
    else:
        meaning = _("%(waiting)s.") % {"waiting": waiting(summary.pending)}
    return Sentence(headline, meaning, "resume")


def _retrying(summary: Summary, now: datetime) -> Sentence:
    if summary.failing_since is None:
        return Sentence(
            _("Nothing has moved for a minute; %(waiting)s.") % {"waiting": waiting(summary.pending)},
            one_after_the_other((nothing_lost(summary), _("If this goes on, a worker may not be running."))),
            "try_now",
        )
    words = {"when": clock(summary.none_accepted_since, now), "answer": summary.last_answer}
    of_ours = summary.last_answer.startswith(OF_OURS)
    if of_ours or not summary.last_answer:
        headline = _("Nothing has gone through since %(when)s.") % words
    elif summary.last_answer == "429":
        headline = _("Segment asks us to slow down. Nothing has gone through since %(when)s.") % words
    elif summary.last_answer.isdecimal():
        headline = _("Segment answers %(answer)s. Nothing has gone through since %(when)s.") % words
    else:
        headline = _("Segment does not answer. Nothing has gone through since %(when)s.") % words
    again = _("We keep trying.")
    if summary.next_attempt_at and summary.next_attempt_at > now:
        # A moment, no countdown: the page is drawn anew only when something has changed.
        again = _("Trying again at %(when)s.") % {"when": to_the_second(summary.next_attempt_at)}
    waits = _("%(waiting)s.") % {"waiting": waiting(summary.pending)}
    reason = "" if summary.last_answer.isdecimal() else last_answer(summary)
    if of_ours:
        reason = _("The last attempt failed because of a fault of ours: %(fault)s.") % {
            "fault": summary.last_answer
        }
    parts = (waits, nothing_lost(summary), reason, again)
    return Sentence(headline, one_after_the_other(parts), "try_now")


def _waiting(summary: Summary, now: datetime) -> Sentence:
    return Sentence(
        _("Waiting for the first event."),
        _("Point Braze at the intake address. Events that arrive from now on go to Segment."),
        "intake",
    )


_BY_HEALTH: dict[Health, Callable[[Summary, datetime], Sentence]] = {
    Health.KEY_UNREADABLE: _key_unreadable,
    Health.LOG_DAMAGED: _log_damaged,
    Health.LOSING_EVENTS: _losing_events,
    Health.KEY_REJECTED: _key_rejected,
    Health.REQUEST_REFUSED: _request_refused,
    Health.PAUSED: _paused,
    Health.RETRYING: _retrying,
    Health.WAITING: _waiting,
    Health.CATCHING_UP: _catching_up,
    Health.DELIVERING: _delivering,
}
