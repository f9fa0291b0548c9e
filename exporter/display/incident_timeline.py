"""What has happened since a connector got into trouble, newest first: when it began, who was told, how often it was
tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.models import Connector
from exporter.models import MailStep
from exporter.reports.health import Health
from exporter.reports.summary import Summary

TOLD = (
    Health.KEY_UNREADABLE,
    Health.LOG_DAMAGED,
    Health.LOSING_EVENTS,
    Health.KEY_REJECTED,
    Health.REQUEST_REFUSED,
    Health.RETRYING,
)


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    icon: str
    colour: str
    sentence: str


# How many attempts have failed since, and the mails sent since.
_SINCE = """
SELECT 'tries', count(*), max(at) FROM exporter_attempt
 WHERE delivery_id = %(delivery)s AND at >= %(since)s AND verdict <> 'accepted'
 UNION ALL
SELECT n.step, 1, n.sent_at FROM exporter_notice n JOIN exporter_incident i ON i.id = n.incident_id
 WHERE i.connector_id = %(connector)s AND i.closed_at IS NULL AND n.sent_at >= %(since)s
"""


def happenings(summary: Summary) -> list[Happening]:
    """Empty if nothing is wrong; otherwise one statement."""
    since = summary.failing_since
    if summary.health not in TOLD or since is None:
        return []
    found = [_began(summary, since)]
    terms: dict[str, Any] = {
        "delivery": summary.delivery_id,
        "connector": summary.connector.pk,
        "since": since,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, terms)
        for step, count, at in cursor.fetchall():
            if step == "tries":
                found += [_tries(summary, count, at)] if count > 1 else []
            else:
                found.append(_mail(summary.connector, step, at))
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _began(summary: Summary, since: datetime) -> Happening:
    answer = summary.last_answer.rstrip(".")
    sentences = {
        Health.KEY_REJECTED: _("Segment rejected the key ••••%(last4)s. Delivery stopped; events are kept.")
        % {"last4": summary.key_last4},
        Health.REQUEST_REFUSED: _("Segment refused our request. Delivery stopped; events are kept."),
        Health.KEY_UNREADABLE: _("The stored key could not be read. Delivery stopped; events are kept."),
        Health.LOG_DAMAGED: _(
            "Stored events could not be read. Delivery stopped; the events behind them are kept."
        ),
    }
    otherwise = (
        _("The first attempt failed; the latest one ended with %(answer)s.") % {"answer": answer}
        if answer
        else _("The first attempt failed.")
    )
    picture = "key-struck" if summary.health == Health.KEY_REJECTED else "octagon"
    return Happening(since, picture, "bad", sentences.get(summary.health, otherwise))


def _tries(summary: Summary, count: int, last: datetime) -> Happening:
    shown = {"n": number_format(count, force_grouping=True), "answer": summary.last_answer.rstrip(".")}
    sentence = ngettext(
        "%(n)s more attempt, which ended with %(answer)s.",
        "%(n)s attempts since; the latest ended with %(answer)s.",
        count,
    )
    return Happening(last, "retry", "neu", sentence % shown)


def _mail(connector: Connector, step: str, at: datetime) -> Happening:
    terms = {"address": connector.contact_email, "step": MailStep(step).label}
    return Happening(at, "mail", "neu", _("Mail to %(address)s: %(step)s.") % terms)
