"""Times and durations in words, as the pages and mails say them: relative within an hour, else by the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

MINUTE, HOUR, DAY = 60, 3600, 86_400
_HALF_A_YEAR = 180  # days
# The patterns dates are written by, in Django's letters; each language has its own order and signs.
PATTERNS = (
    pgettext_lazy("date pattern", "j F Y"),
    pgettext_lazy("date pattern", "j F Y, H:i"),
    pgettext_lazy("date pattern", "j F, H:i"),
    pgettext_lazy("date pattern", "j F, H:i:s"),
    pgettext_lazy("date pattern", "j M Y, H:i"),
    pgettext_lazy("date pattern", "j M, H:i:s"),
    pgettext_lazy("date pattern", "j F"),
    pgettext_lazy("date pattern", "j M"),
    pgettext_lazy("date pattern", "D j"),
    pgettext_lazy("date pattern", "D H:i"),
)


def written(moment: date, pattern: str) -> str:
    """A date, or a moment that is local already, by one of `PATTERNS` as the reader's language writes it."""
    return date_format(moment, pgettext("date pattern", pattern))


def decimal(value: float) -> str:
    """A number with at most one decimal, by the reader's language."""
    return number_format(value, 0 if value == int(value) else 1)


def duration(seconds: float) -> str:
    """A span in one unit, or two from an hour on: `1.2 s`, `4 min`, `44 h 57 min`, `3 days`."""
    if seconds < 10:
        return _("%(n)s s") % {"n": decimal(round(max(seconds, 0), 1))}
    if seconds < MINUTE:
        return _("%(n)s s") % {"n": int(seconds)}
    if seconds < HOUR:
        return _("%(n)s min") % {"n": int(seconds // MINUTE)}
    if seconds < 3 * DAY:
        hours, minutes = int(seconds // HOUR), int(seconds % HOUR // MINUTE)
        if hours >= 10 or not minutes:
            return _("%(n)s h") % {"n": hours}
        return _("%(h)s h %(m)s min") % {"h": hours, "m": minutes}
    return _("%(n)s days") % {"n": int(seconds // DAY)}


def age(moment: datetime, now: datetime) -> str:
    """How long something has lasted, for what takes days: `less than a minute`, then as `duration` says it."""
    seconds = (now - moment).total_seconds()
    return _("less than a minute") if seconds < MINUTE else duration(seconds)


def milliseconds(value: int) -> str:
    """`1,180 ms`, `<1 ms`."""
    return _("%(n)s ms") % {"n": number_format(value, force_grouping=True) if value else "<1"}


def exactly(span: timedelta) -> str:
    """A span to the minute, for countdowns: `44 h 57 min`."""
    minutes = max(int(span.total_seconds() // MINUTE), 0)
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    return _("%(h)s h %(m)s min") % {"h": minutes // 60, "m": minutes % 60}


def ago(moment: datetime, now: datetime) -> str:
    """`2 s ago`, `4 min ago`; from an hour on by the clock."""
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return _("just now")
    if seconds < HOUR:
        return _("%(span)s ago") % {"span": duration(int(seconds))}
    return by_the_clock(moment, now)


def by_the_clock(moment: datetime, now: datetime) -> str:
    """`10:05` on the same day, `Monday, 09:12` within six days, `12 August, 10:05` within half a year, else with the
    year."""
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    time = date_format(local, "H:i")
    days = abs((local.date() - today).days)
    if days == 0:
        return time
    if days < 6:
        return _("%(weekday)s, %(time)s") % {"weekday": date_format(local, "l"), "time": time}
    day = written(local, "j F" if days < _HALF_A_YEAR else "j F Y")
    return _("%(day)s, %(time)s") % {"day": day, "time": time}


def to_the_second(moment: datetime) -> str:
    """`14:02:33` in the reader's zone."""
    return f"{timezone.localtime(moment):%H:%M:%S}"
