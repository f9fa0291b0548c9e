"""Letters: what a mail about an incident says, in words: what happened, what it means, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exporter.models import Cause, MailStep

MOST_TYPES = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """What a letter is made from. `lost` maps an event type to how many events expired in this incident; `first_loss`
    is None where nothing waits; `answer` is what Segment last answered to a failed attempt."""

    connector: str
    workspace: str
    address: str
    reason: str
    since: datetime
    now: datetime
    pending: int
    first_loss: datetime | None
    lost: dict[str, int]
    kept_until: datetime
    answer: str


@dataclass(frozen=True, slots=True)
class Letter:
    """`rows` are pairs of words and figures."""

    subject: str
    sentences: list[str]
    rows: list[tuple[str, str]]
    todo: str
    address: str


def write(step: str, facts: Facts) -> Letter:
    return Letter(
        _subject(step, facts), _sentences(step, facts), _rows(step, facts), _todo(step, facts), facts.address
    )


def moment(at: datetime) -> str:
    return _("%(date)s, %(time)s UTC") % {"date": date_format(at, "j F Y"), "time": date_format(at, "H:i")}


def _subject(step: str, facts: Facts) -> str:
    subjects = {
        MailStep.STOPPED: _("%(connector)s: delivery to Segment has stopped"),
        MailStep.HALF_TIME: _("%(connector)s: half of the time is over, %(count)s events are waiting"),
        MailStep.FOUR_HOURS: _("%(connector)s: the first events are lost in %(left)s"),
        MailStep.DROPPING: _("%(connector)s: events are being lost"),
        MailStep.RECOVERED: _("%(connector)s: delivering to Segment again"),
    }
    words = subjects[MailStep(step)] % {
        "connector": facts.connector,
        "count": intcomma(facts.pending),
        "left": _left(facts),
    }
    # A line break would end the header.
    return " ".join(words.split())


def _sentences(step: str, facts: Facts) -> list[str]:
    sentences = [_recovered(facts) if step == MailStep.RECOVERED else _happened(facts)]
    if step == MailStep.DROPPING or facts.lost:
        sentences.append(_lost(facts))
    if step != MailStep.RECOVERED:
        sentences.append(_waiting(facts))
    return sentences


def _happened(facts: Facts) -> str:
    said = {
        Cause.KEY_REJECTED: _(
            "Segment rejects the write key of this connector (answer %(answer)s) since %(since)s. "
            "Delivery has stopped; the events are kept meanwhile."
        ),
        Cause.REQUEST_REFUSED: _(
            "Segment refuses every request of this connector (answer %(answer)s) since %(since)s. "
            "Delivery has stopped; the events are kept meanwhile."
        ),
        Cause.KEY_UNREADABLE: _(
            "The stored write key of this connector cannot be read since %(since)s. "
            "Delivery has stopped; the events are kept meanwhile."
        ),
        Cause.RETRYING: _(
            "Segment has accepted nothing from this connector since %(since)s (last answer: %(answer)s). "
            "We keep trying by ourselves."
        ),
        Cause.PAUSED: _("This connector is paused since %(since)s. Its events are kept meanwhile."),
        Cause.LATE: _("Events for this connector come in faster than Segment accepts them."),
    }
    words = {"since": moment(facts.since), "answer": facts.answer or _("none")}
    return said[Cause(facts.reason)] % words


def _recovered(facts: Facts) -> str:
    return _("Segment accepts the events of this connector again. Delivery had stopped on %(since)s.") % {
        "since": moment(facts.since)
    }


def _lost(facts: Facts) -> str:
    count = sum(facts.lost.values())
    return ngettext(
        "%(count)s event was not delivered within %(hours)s hours and is lost for this connector. "
        "The event log keeps it until %(until)s.",
        "%(count)s events were not delivered within %(hours)s hours and are lost for this connector. "
        "The event log keeps them until %(until)s.",
        count,
    ) % {
        "count": intcomma(count),
        "hours": f"{settings.CURRENTS_EXPIRY_HOURS:g}",
        "until": moment(facts.kept_until),
    }


def _waiting(facts: Facts) -> str:
    if not facts.pending:
        return _("No event is waiting.")
    count = ngettext("%(count)s event is waiting.", "%(count)s events are waiting.", facts.pending)
    words = count % {"count": intcomma(facts.pending)}
    if facts.first_loss is None:
        return words
    if facts.first_loss <= facts.now:
        return words + " " + _("The oldest of them are being lost now.")
    first = _("The first are lost on %(first)s, in %(left)s.")
    return words + " " + first % {"first": moment(facts.first_loss), "left": _left(facts)}


def _left(facts: Facts) -> str:
    """The time to the first loss, in whole minutes."""
    if facts.first_loss is None:
        return _("%(minutes)s min") % {"minutes": 0}
    minutes = max(int((facts.first_loss - facts.now) / timedelta(minutes=1)), 0)
    if minutes < 60:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}


def _rows(step: str, facts: Facts) -> list[tuple[str, str]]:
    rows = [(_("Connector"), facts.connector), (_("Workspace"), facts.workspace)]
    rows.append((_("Waiting events"), intcomma(facts.pending)))
    if facts.lost or step == MailStep.DROPPING:
        rows.append((_("Lost events"), intcomma(sum(facts.lost.values()))))
    most = sorted(facts.lost.items(), key=lambda item: (-item[1], item[0]))
    rows += [(event_type, intcomma(count)) for event_type, count in most[:MOST_TYPES]]
    if len(most) > MOST_TYPES:
        rows.append((_("All other types"), intcomma(sum(count for _type, count in most[MOST_TYPES:]))))
    return rows


def _todo(step: str, facts: Facts) -> str:
    if step == MailStep.RECOVERED:
        return _("There is nothing to do.")
    said = {
        Cause.KEY_REJECTED: _(
            "Compare the write key and the region with the source in Segment. An admin can replace both on the page "
            "of the connector; what waits is then sent at once."
        ),
        Cause.REQUEST_REFUSED: _(
            "Compare the write key and the region with the source in Segment, and look at the answers on the page of "
            "the connector. An admin can replace both; “Try now” sends what waits."
        ),
        Cause.KEY_UNREADABLE: _("An admin can enter the write key again on the page of the connector."),
        Cause.RETRYING: _(
            "Look at Segment’s status page. When Segment answers again, what waits is sent by itself."
        ),
        Cause.PAUSED: _("Resume the connector on its page to send what waits."),
        Cause.LATE: _("Look at the answers on the page of the connector, or choose fewer events."),
    }
    return said[Cause(facts.reason)]
