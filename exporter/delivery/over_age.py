"""Over age: which events of a delivery are too old to be delivered, and whether they may expire yet.

Age is a batch's `received_at` by the database's clock; `at` stands for that clock where it is given. Only live
deliveries expire: a replay sends old events on purpose.

An event expires because the key was rejected, the destination is down or the connector is paused; never because *we*
were down. So it must have been tried:

- nothing expires while nobody sweeps;
- a connector that is neither paused nor stopped loses nothing unless it was tried within the last 10 minutes (the
  longest wait between two attempts is 5);
- and after an outage of ours (10 minutes without a sweep or without chores), events received before its end
  expire only once an attempt made since has failed. One that succeeded shows that the rest can be delivered, too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from exporter.sql import clock

_OUTAGE = "(SELECT at FROM exporter_heartbeat WHERE part = 'outage')"
SWEPT = """EXISTS (SELECT 1 FROM exporter_heartbeat
                    WHERE part = 'sweep' AND at > clock_timestamp() - interval '10 minutes')"""
# Of a delivery d of connector c whose oldest waiting batch is `oldest`.
RECOVERED = f"""(
    c.state = 'paused' OR d.stopped <> '' OR {_OUTAGE} IS NULL OR oldest.received_at > {_OUTAGE}
    OR (d.failing_since IS NOT NULL
        AND EXISTS (SELECT 1 FROM exporter_attempt a WHERE a.delivery_id = d.id AND a.at > {_OUTAGE})))"""  # noqa: S608 - constants of ours
TRIED = """(
    c.state = 'paused' OR d.stopped <> ''
    OR EXISTS (SELECT 1 FROM exporter_attempt a
                WHERE a.delivery_id = d.id AND a.at > clock_timestamp() - interval '10 minutes'))"""
OLDEST = """(
    SELECT b.received_at FROM exporter_eventbatch b
     WHERE b.workspace_id = d.workspace_id AND b.end_event > d.cursor ORDER BY b.end_event LIMIT 1)"""
_OVER_AGE = f"""
SELECT d.id FROM exporter_delivery d
  JOIN connectors_connector c ON c.id = d.connector_id
  JOIN LATERAL {OLDEST} oldest ON true
 WHERE d.kind = 'live' AND oldest.received_at < %(before)s
   AND (%(only)s::bigint IS NULL OR d.id = %(only)s::bigint)
   AND {SWEPT} AND {TRIED} AND {RECOVERED}
 ORDER BY oldest.received_at
"""  # noqa: S608 - constants of ours


def expiry() -> timedelta:
    return timedelta(hours=settings.CURRENTS_EXPIRY_HOURS)


def over_age_before(at: datetime | None = None) -> datetime:
    """Events received before this moment are over age."""
    return (at or clock()) - expiry()


def over_age(at: datetime | None = None, only: int | None = None) -> list[int]:
    """The deliveries whose oldest waiting event is over age and may expire, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_OVER_AGE, {"before": over_age_before(at), "only": only})
        return [row[0] for row in cursor.fetchall()]
