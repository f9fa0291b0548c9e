"""Silent types: selected event types that used to arrive and have not arrived for unusually long.

What is usual is learnt from the hours of the eight days up to yesterday: a type that arrived in at least 12 of them has
a longest pause. It is silent once nothing has arrived for twice that pause, and for at least three hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from connectors.models import Connector

LEARNT_FROM = timedelta(days=8)
LEARNT_UNTIL = timedelta(hours=26)
LEAST_HOURS = 12
LEAST_SILENCE = timedelta(hours=3)
FACTOR = 2


class Silence(NamedTuple):
    """When a type was last received, and the longest pause that is usual for it."""

    event_type: str
    since: datetime
    usual: timedelta


# Counts older than a few hours are rolled up, so each row is an hour in which the type arrived.
_PAUSES = """
WITH pauses AS (
    SELECT event_type, minute - lag(minute) OVER (PARTITION BY event_type ORDER BY minute) AS pause
      FROM exporter_receivedcount
     WHERE workspace_id = %(workspace)s AND minute >= %(since)s AND minute < %(until)s
       AND event_type = ANY(%(selected)s)
), usual AS (
    SELECT event_type, max(pause) AS pause, count(*) AS hours FROM pauses GROUP BY 1
)
SELECT u.event_type, t.last_received_at, extract(epoch FROM u.pause)::float8
  FROM usual u JOIN exporter_receivedtotal t ON t.workspace_id = %(workspace)s AND t.event_type = u.event_type
 WHERE u.hours >= %(hours)s AND t.last_received_at < %(now)s - greatest(%(factor)s * u.pause, %(least)s)
 ORDER BY t.last_received_at
"""


def silent(connector: Connector, now: datetime) -> list[Silence]:
    """The connector's selected types that are silent at `now` (the database's clock), longest silence first."""
    return silent_among(connector.workspace_id, connector.selected_events, now)


def silent_among(workspace_id: int, event_types: Sequence[str], now: datetime) -> list[Silence]:
    """The same of any types of a workspace."""
    terms: dict[str, Any] = {
        "workspace": workspace_id,
        "selected": list(event_types),
        "since": now - LEARNT_FROM,
        "until": now - LEARNT_UNTIL,
        "now": now,
        "hours": LEAST_HOURS,
        "factor": FACTOR,
        "least": LEAST_SILENCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAUSES, terms)
        return [Silence(name, since, timedelta(seconds=usual)) for name, since, usual in cursor.fetchall()]
