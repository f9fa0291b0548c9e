"""The sweep: rings every delivery that is behind and due, so that a lost doorbell costs seconds.

It claims its turn by one UPDATE; so beat, a second beat, or a worker that has not seen a sweep for 10 seconds may all
call it.
"""

from __future__ import annotations

from django.db import connection

from exporter.dispatch import wakeup
from exporter.dispatch.heartbeats import claim, note_outage

MOST_RUNG = 200
# A lone refused event is rung as soon as something follows it, before its probe is due.
_DUE = """
SELECT d.id
  FROM exporter_delivery d
  JOIN exporter_eventlog l ON l.workspace_id = d.workspace_id
  JOIN connectors_connector c ON c.id = d.connector_id
 WHERE c.state = 'live' AND d.cursor < coalesce(d.stop, l.next_event)
   AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp()
        OR d.lease_until > clock_timestamp() + make_interval(secs => %s))
   AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp()
        OR d.next_attempt_at > clock_timestamp() + interval '310 seconds'
        OR (d.alone AND l.next_event > d.cursor + 1))
 ORDER BY coalesce(d.next_attempt_at, d.moved_at, d.created_at)
 LIMIT %s
"""


def sweep(at_least: float = 1.5) -> int:
    """Rings what is due, if the last sweep was `at_least` seconds ago; answers how many were rung."""
    from django.conf import settings

    note_outage("sweep")
    if not claim("sweep", at_least):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [settings.CURRENTS_LEASE_SECONDS + 5, MOST_RUNG])
        due = [row[0] for row in cursor.fetchall()]
    return wakeup.ring_quietly(due)
