"""What is known of the trouble a connector is in: since when, how often it was tried, who was told, with which keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from exporter import sql
from exporter.reports import key_history
from exporter.reports.health import Health
from exporter.reports.key_history import InUse
from exporter.reports.summary import Summary

TOLD = frozenset(
    {
        Health.KEY_UNREADABLE,
        Health.LOG_DAMAGED,
        Health.LOSING_EVENTS,
        Health.KEY_REJECTED,
        Health.REQUEST_REFUSED,
        Health.RETRYING,
    }
)
# How often it was tried in vain since, and the mails that were sent since.
_SINCE = """
SELECT 'tries', count(*), max(at), '{}' FROM exporter_attempt
 WHERE delivery_id = %(delivery)s AND at >= %(since)s AND verdict <> 'accepted'
 UNION ALL
SELECT n.step, 1, n.sent_at, n.sent_to FROM exporter_notice n JOIN exporter_incident i ON i.id = n.incident_id
 WHERE i.connector_id = %(connector)s AND i.closed_at IS NULL AND n.sent_at >= %(since)s
"""


class Told(NamedTuple):
    """A mail about it: `to` holds the contact first, then admins."""

    step: str
    at: datetime
    to: list[str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """`key` was in use when it began, `switches` came in use since, oldest first; `mails` went out since.

    `since` is the first attempt that failed after the last that was accepted.
    """

    since: datetime
    key: InUse | None
    switches: list[InUse]
    tries: int
    last_try_at: datetime | None
    mails: list[Told]


def trouble(summary: Summary) -> Trouble | None:
    """None where nothing is wrong; else two statements."""
    since = summary.failing_since
    if summary.health not in TOLD or since is None:
        return None
    terms: dict[str, Any] = {
        "delivery": summary.delivery_id,
        "connector": summary.connector.pk,
        "since": since,
    }
    found = sql.execute(_SINCE, terms)
    tries, last = next((row[1], row[2]) for row in found if row[0] == "tries")
    keys = key_history.keys_in_use(summary.connector)
    return Trouble(
        since,
        key_history.in_use_at(keys, since),
        [span for span in keys if span.since > since],
        tries,
        last,
        [Told(step, at, to) for step, _one, at, to in found if step != "tries"],
    )
