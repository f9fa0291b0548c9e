"""Incidents of the past as lines: what was wrong, how long it took, what it cost, what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.audit.actions import AuditAction
from connectors.web.time_words import by_the_clock, duration
from exporter.display.incident_timeline import mailed
from exporter.models import Cause
from exporter.reports.incident_history import Act, PastIncident, ToldIncident
from exporter.reports.recovery import Recovery


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """`lasted` is empty until it is over, `recovering` unless its trouble is over but not its incident. `steps` are
    what happened meanwhile, the oldest first."""

    id: int
    word: str
    opened_at: datetime
    ended_at: datetime | None
    lasted: str
    cost: str
    lost: int
    steps: list[tuple[datetime, str]]
    recovering: str = ""


def line(one: PastIncident, steps: list[tuple[datetime, str]] | None = None) -> IncidentLine:
    lasted = duration((one.ended_at - one.opened_at).total_seconds()) if one.ended_at else ""
    word = str(Cause(one.cause).label)
    recovering = _recovering(one.recovery)
    return IncidentLine(
        one.id, word, one.opened_at, one.ended_at, lasted, _cost(one), one.lost, steps or [], recovering
    )


def told(one: ToldIncident) -> IncidentLine:
    steps = [(mail.at, mailed(mail)) for mail in one.mails] + [(act.at, _done(act)) for act in one.acts]
    return line(one.incident, sorted(steps, key=lambda step: step[0]))


def _recovering(recovery: Recovery | None) -> str:
    """`delivering again since 06:45, closed once that has lasted 1 min`"""
    if recovery is None:
        return ""
    terms = {"span": duration(recovery.lasting.total_seconds())}
    if recovery.since is None:
        return _("nothing is wrong any more, closed after %(span)s without trouble") % terms
    terms["when"] = by_the_clock(recovery.since, timezone.now())
    if recovery.at_once:
        return _("delivering again since %(when)s, closed once that has lasted %(span)s") % terms
    return _("delivering again since %(when)s, closed after %(span)s without trouble") % terms


def _cost(one: PastIncident) -> str:
    if one.lost:
        words = ngettext("%(n)s event lost", "%(n)s events lost", one.lost)
        return words % {"n": number_format(one.lost, force_grouping=True)}
    return _("nothing lost") if one.ended_at else _("nothing lost so far")


def _done(act: Act) -> str:
    """Two switches in one night are told apart by their keys."""
    label = str(AuditAction(act.action).label)
    label = f"{label} ({act.key})" if act.key else label
    return _("%(what)s, by %(person)s") % {"what": label, "person": act.person} if act.person else label
