"""Places: of all replays that run, so many have a turn at a time, whoever waited longest first.

A turn holds a thread of a worker, so there are few places; a replay that is slow, limited or failing must not keep one
while another waits. Turns give way after two seconds then, and begin again at the end of the line.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from exporter.lease_sql import DUE, FREE
from exporter.sql import execute

PLACES = 4

_ROOM = f"""(
SELECT %(places)s - count(*) FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
 WHERE r.state = 'running' AND NOT {FREE})
"""  # noqa: S608 - a constant of ours
_WAITING = f"""
SELECT d.id FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
  JOIN connectors_connector c ON c.id = r.connector_id
 WHERE r.state = 'running' AND c.state = 'live' AND d.cursor < d.stop AND {FREE} AND {DUE}
"""  # noqa: S608 - constants of ours
# SQL that tells whether a replay waits for a place and all are taken.
WANTED = f"({_ROOM} <= 0 AND EXISTS ({_WAITING}))"
# Who claims at the same time looks at others.
_CLAIM = f"""
UPDATE exporter_delivery SET round = nextval('exporter_round')
 WHERE id = ANY (ARRAY({_WAITING} ORDER BY d.round, r.id LIMIT greatest({_ROOM}, 0) FOR UPDATE OF d SKIP LOCKED))
RETURNING id
"""  # noqa: S608 - constants of ours


def terms() -> dict[str, Any]:
    """The parameters of what asks for places."""
    return {"places": PLACES, "seconds": float(settings.CURRENTS_LEASE_SECONDS)}


def free() -> int:
    """Places nobody has; what was woken and has not begun has none yet."""
    return int(execute(f"SELECT {_ROOM}", terms())[0][0])


def claim() -> list[int]:
    """The deliveries whose turn it is; they go to the end of the line."""
    return [row[0] for row in execute(_CLAIM, terms())]
