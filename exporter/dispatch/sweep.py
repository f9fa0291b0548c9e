"""The sweep: wakes every delivery that is behind and due, so that a lost wake-up costs seconds.

It claims its turn by one UPDATE; so beat, a second beat, or a worker that has not seen a sweep for 10 seconds may all
call it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from exporter.dispatch import wakeup
from exporter.dispatch.heartbeats import claim, note_outage
from exporter.lease_sql import DUE, FREE

SWEEP_TASK = "exporter.tasks.sweep"
MOST_SWEPT = 10_000
# Healthy live deliveries are named by their workspaces; who was claimed longest ago comes first, not who is oldest. A
# lone refused event is woken as soon as something follows it, before its probe is due.
_DUE = f"""
SELECT d.id, d.workspace_id, d.kind = 'live' AND d.failing_since IS NULL, d.failing_since IS NOT NULL
  FROM exporter_delivery d
  JOIN exporter_eventlog l ON l.workspace_id = d.workspace_id
  JOIN connectors_connector c ON c.id = d.connector_id
 WHERE c.state = 'live' AND d.kind NOT IN ('replay', 'import') AND d.cursor < coalesce(d.stop, l.next_event)
   AND {FREE} AND ({DUE} OR (d.alone AND l.next_event > d.cursor + 1))
 ORDER BY d.round, d.next_attempt_at
 LIMIT %(most)s
"""  # noqa: S608 - constants of ours


def sweep(at_least: float = 1.5, queue: str = "") -> int:
    """Wakes what is due, if the last sweep was at least `at_least` seconds ago; returns how many deliveries are due.
    `queue` is named by whoever looks for the work of that one alone: the others of its kind take turns with it."""
    note_outage("sweep")
    if queue and not claim(f"sweep:{queue}", at_least):
        return 0
    if not claim("sweep", 0.0 if queue else at_least):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"seconds": float(settings.CURRENTS_LEASE_SECONDS), "most": MOST_SWEPT})
        due = cursor.fetchall()
    healthy = [workspace for _id, workspace, plain, _failing in due if plain]
    failing = [delivery for delivery, _workspace, _plain, fails in due if fails]
    others = [delivery for delivery, _workspace, plain, fails in due if not plain and not fails]
    wakeup.wake_due(healthy, failing, others)
    return len(due)
