"""Places: of all replays that run, so many have a turn at a time, whoever waited longest first.

A turn holds a thread of a worker, so there are few places; a replay that is slow, limited or failing must not keep one
while another waits. Turns give way after two seconds then, and begin again at the end of the line.
"""

from __future__ import annotations

from exporter.sql import execute

PLACES = 4

_FREE = """
SELECT %(places)s - count(*) FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
 WHERE r.state = 'running' AND d.lease_until > clock_timestamp()
"""
_WAITING = """
SELECT d.id FROM exporter_replay r JOIN exporter_delivery d ON d.id = r.delivery_id
  JOIN connectors_connector c ON c.id = r.connector_id
 WHERE r.state = 'running' AND c.state = 'live' AND d.cursor < d.stop
   AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
   AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp())
"""
_CLAIM = f"""
UPDATE exporter_delivery SET round = nextval('exporter_round')
 WHERE id = ANY (ARRAY({_WAITING} ORDER BY d.round, r.id LIMIT %(room)s)) RETURNING id
"""  # noqa: S608 - a constant of ours


def free() -> int:
    """Places nobody has; what was woken and has not begun has none yet."""
    return int(execute(_FREE, {"places": PLACES})[0][0])


def claim() -> list[int]:
    """The deliveries whose turn it is; they go to the end of the line."""
    room = free()
    return [row[0] for row in execute(_CLAIM, {"room": room})] if room > 0 else []


def wanted() -> bool:
    """Whether a replay waits for a place and all are taken."""
    return free() <= 0 and bool(execute(f"{_WAITING} LIMIT 1", {}))
