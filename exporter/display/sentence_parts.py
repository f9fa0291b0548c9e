"""Parts of the sentences about a connector: how many wait and until when, what was lost, how Segment answered last."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.web import stored_words
from connectors.web.time_words import DAY, HOUR, ago, by_the_clock
from exporter.reports.summary import Summary


def events(count: int) -> str:
    return ngettext("%(n)s event", "%(n)s events", count) % {"n": number_format(count, force_grouping=True)}


def waiting(count: int) -> str:
    shown = {"n": number_format(count, force_grouping=True)}
    return ngettext("%(n)s event is waiting", "%(n)s events are waiting", count) % shown


def waiting_until_loss(summary: Summary, now: datetime) -> str:
    loss, waits = summary.first_loss_at, waiting(summary.pending)
    if not summary.pending or not loss or loss <= now:
        return _("%(waiting)s.") % {"waiting": waits}
    words = {"waiting": waits, "when": by_the_clock(loss, now)}
    if timezone.localdate(loss) == timezone.localdate(now):
        return _("%(waiting)s; the first will be lost at %(when)s.") % words
    return _("%(waiting)s; the first will be lost on %(when)s.") % words


def hours_ago(moment: datetime, now: datetime) -> str:
    """`3 h ago` within a day, then `on Monday, 09:12`."""
    seconds = (now - moment).total_seconds()
    if seconds < HOUR:
        return ago(moment, now)
    if seconds < DAY:
        return _("%(n)s h ago") % {"n": int(seconds // HOUR)}
    return _("on %(when)s") % {"when": by_the_clock(moment, now)}


def clock(moment: datetime | None, now: datetime) -> str:
    return by_the_clock(moment, now) if moment else _("a moment ago")


def paused_too(summary: Summary) -> str:
    """Of a trouble that a pause has joined."""
    if not summary.connector.is_paused:
        return ""
    return _("The connector is paused, too: nothing is tried before it is resumed.")


def last_answer(summary: Summary) -> str:
    if not summary.last_answer:
        return ""
    return _("Last answer: %(answer)s.") % {"answer": stored_words.told(summary.last_answer).rstrip(".")}


def nothing_lost(summary: Summary) -> str:
    lost = summary.outcomes.get("expired", 0)
    return (
        _("%(events)s have been lost so far.") % {"events": events(lost)}
        if lost
        else _("Nothing has been lost so far.")
    )
