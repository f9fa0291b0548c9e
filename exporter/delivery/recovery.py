"""Recovery: an event the live delivery gave up is accepted after all, by a retry or a replay.

It moves in the live ledger from what it was to delivered, in the transaction of the settle that accepts it, so that an
event has one outcome whatever breaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from exporter.delivery.settle import Statement

# The live delivery's row is locked before its counts, as a settle does, so that the two never wait crosswise. Minutes
# that were rolled up meanwhile come to their hour with the next roll-up.
_RECOVER = """
WITH live AS (
    SELECT id FROM exporter_delivery WHERE connector_id = %(connector)s AND kind = 'live' FOR NO KEY UPDATE
), taken AS (
    DELETE FROM exporter_rejectedevent r
     USING live, unnest(%(rejected)s::bigint[], %(rejected_minutes)s::timestamptz[]) n(number, minute)
     WHERE r.connector_id = %(connector)s AND r.event_number = n.number
 RETURNING live.id AS delivery_id, r.event_type, n.minute
), recovered AS (
    INSERT INTO exporter_recoveredevent (connector_id, event_number, delivery_id)
    SELECT %(connector)s, number, %(id)s FROM live, unnest(%(expired)s::bigint[]) number
    ON CONFLICT DO NOTHING RETURNING event_number
), changed AS (
    SELECT delivery_id, event_type, minute, 'rejected' AS was FROM taken
     UNION ALL
    SELECT live.id, n.event_type, n.minute, 'expired'
      FROM live, recovered
      JOIN unnest(%(expired)s::bigint[], %(expired_minutes)s::timestamptz[], %(expired_types)s::text[])
           n(number, minute, event_type) ON n.number = recovered.event_number
), noted AS (
    UPDATE exporter_replay
       SET recovered_expired = recovered_expired + (SELECT count(*) FROM recovered),
           recovered_rejected = recovered_rejected + (SELECT count(*) FROM taken)
     WHERE delivery_id = %(id)s
), moved AS (
    SELECT c.delivery_id, c.minute, c.event_type, v.outcome, sum(v.one) AS count
      FROM changed c CROSS JOIN LATERAL (VALUES (c.was, -1), ('delivered', 1)) v(outcome, one) GROUP BY 1, 2, 3, 4
), counted AS (
    INSERT INTO exporter_deliverycount AS c (delivery_id, minute, event_type, outcome, count)
    SELECT delivery_id, minute, event_type, outcome, count FROM moved
    ON CONFLICT (delivery_id, minute, event_type, outcome) DO UPDATE SET count = c.count + excluded.count
), hourly AS (
    INSERT INTO exporter_deliveryhour AS h (delivery_id, hour, outcome, count)
    SELECT delivery_id, date_trunc('hour', minute, 'UTC'), outcome, sum(count) FROM moved GROUP BY 1, 2, 3
    ON CONFLICT (delivery_id, hour, outcome) DO UPDATE SET count = h.count + excluded.count
), totalled AS (
    INSERT INTO exporter_deliverytotal AS t (delivery_id, event_type, outcome, count)
    SELECT delivery_id, event_type, outcome, sum(count) FROM moved GROUP BY 1, 2, 3
    ON CONFLICT (delivery_id, event_type, outcome) DO UPDATE SET count = t.count + excluded.count
)
SELECT count(*) FROM changed
"""


class Expired(NamedTuple):
    """An event that had expired: its number, the minute it was received in, and the type it was counted under."""

    number: int
    minute: datetime
    event_type: str


def statement(
    delivery_id: int,
    connector_id: int,
    rejected: Iterable[tuple[int, datetime]] = (),
    expired: Iterable[Expired] = (),
) -> Statement:
    """What moves these accepted events in the live ledger. `rejected` pairs an event number with the minute the event
    was received in; numbers that are not rejected (any more) move nothing."""
    pairs, gone = list(rejected), list(expired)
    return _RECOVER, {
        "id": delivery_id,
        "connector": connector_id,
        "rejected": [number for number, _minute in pairs],
        "rejected_minutes": [minute for _number, minute in pairs],
        "expired": [one.number for one in gone],
        "expired_minutes": [one.minute for one in gone],
        "expired_types": [one.event_type for one in gone],
    }
