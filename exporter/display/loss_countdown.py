"""The countdown to the first loss: how much of the time events are kept for is left, and the mails on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from connectors.web.time_words import exactly
from exporter.incidents.detect import LAST_WARNING
from exporter.reports.health import Health
from exporter.reports.summary import Summary

# States that need a person to act before events are lost; the others show the countdown from half time on.
NEED_A_PERSON = {Health.KEY_UNREADABLE, Health.LOG_DAMAGED, Health.KEY_REJECTED, Health.REQUEST_REFUSED}
MAY_END_IN_LOSS = NEED_A_PERSON | {Health.PAUSED, Health.RETRYING}
INSET = 2.0


@dataclass(frozen=True, slots=True)
class Station:
    """A point on the track, `at` percent of the way; `mail` if the contact gets a mail then."""

    name: str
    label: str
    at: float
    moment: datetime
    icon: str
    passed: bool
    mail: bool = False

    @property
    def place(self) -> float:
        """Where its icon is drawn: a little inside the ends of the track."""
        return round(INSET + self.at * (1 - 2 * INSET / 100), 2)


@dataclass(frozen=True, slots=True)
class Countdown:
    """`left` is text, exact to the minute; `gone` is percent of the way."""

    left: str
    gone: float
    stations: list[Station]

    @property
    def labels(self) -> list[list[Station]]:
        """Those at the start, half way, and near the end, where two stand close together."""
        return [self.stations[:1], self.stations[1:2], self.stations[2:]]

    @property
    def mails(self) -> list[Station]:
        return [station for station in self.stations if station.mail and not station.passed]


def countdown(summary: Summary) -> Countdown | None:
    """None if nothing is about to be lost."""
    begin, end = summary.oldest_pending_at, summary.first_loss_at
    if summary.health not in MAY_END_IN_LOSS or begin is None or end is None:
        return None
    gone = (summary.now - begin) / (end - begin)
    # What is over age and was not tried expires only after it was: nobody knows when that will be.
    if summary.health not in NEED_A_PERSON and not 0.5 <= gone < 1:
        return None
    return Countdown(
        exactly(end - summary.now), round(100 * min(max(gone, 0), 1), 1), _stations(summary, begin, end)
    )


def _stations(summary: Summary, begin: datetime, end: datetime) -> list[Station]:
    half = begin + (end - begin) / 2
    last = max(end - LAST_WARNING, half)
    planned = [
        ("begin", _("Oldest event received"), begin, "clock", False),
        ("half", _("Half time"), half, "mail", True),
        ("last", _("4 hours left"), last, "mail", True),
        ("loss", _("First loss"), end, "triangle", False),
    ]
    return [
        Station(
            name, label, round(100 * ((at - begin) / (end - begin)), 2), at, icon, at <= summary.now, mail
        )
        for name, label, at, icon, mail in planned
        if not (name == "last" and last == half)
    ]
