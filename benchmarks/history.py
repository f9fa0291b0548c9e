"""A long history to look at: 100 workspaces with a connector each, one of them with 10 million events behind it.

Rows are written as the product would have left them: minutes of the last 26 hours, hours before, totals, attempts,
batches (with tiny payloads, which no page reads), all adding up.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from connectors.catalogue import CATALOGUE
from connectors.models import Connector
from exporter.models import Delivery

EVENTS = 10_000_000
_TYPES = 20
_OUTCOMES = ("delivered", "unselected", "anonymous")
_MINUTES = 26 * 60
_HOURS = 30 * 24
_BATCH = 1_000

_MOMENTS = """
CREATE TEMPORARY TABLE moment AS
SELECT m AS minute FROM generate_series(
       date_trunc('minute', now()) - make_interval(mins => %(minutes)s - 1), date_trunc('minute', now()), '1 minute') m
 UNION SELECT h FROM generate_series(
       date_trunc('hour', now()) - make_interval(hours => %(hours)s),
       date_trunc('hour', now()) - interval '27 hours', '1 hour') h;
CREATE TEMPORARY TABLE told AS
SELECT m.minute, t.name AS event_type, o.name AS outcome,
       greatest(1, round(%(events)s::numeric
           / ((SELECT count(*) FROM moment) * %(types)s * %(outcomes)s)))::bigint AS count
  FROM moment m, unnest(%(type_names)s::text[]) t(name), unnest(%(outcome_names)s::text[]) o(name)
"""
_ROWS = """
INSERT INTO exporter_deliverycount (delivery_id, minute, event_type, outcome, count)
SELECT %(delivery)s, minute, event_type, outcome, count FROM told;
INSERT INTO exporter_deliveryhour (delivery_id, hour, outcome, count)
SELECT %(delivery)s, date_trunc('hour', minute), outcome, sum(count) FROM told GROUP BY 1, 2, 3;
INSERT INTO exporter_deliverytotal (delivery_id, event_type, outcome, count)
SELECT %(delivery)s, event_type, outcome, sum(count) FROM told GROUP BY 1, 2, 3;
INSERT INTO exporter_receivedcount (workspace_id, minute, event_type, count, anonymous)
SELECT %(workspace)s, minute, event_type, sum(count), 0 FROM told GROUP BY 1, 2, 3;
INSERT INTO exporter_receivedtotal (workspace_id, event_type, count, anonymous, last_received_at)
SELECT %(workspace)s, event_type, sum(count), 0, now() FROM told GROUP BY 1, 2;
INSERT INTO exporter_deliverydelay (delivery_id, minute, bucket, count)
SELECT %(delivery)s, minute, bucket, 100 FROM moment, generate_series(4, 9) bucket;
INSERT INTO exporter_attemptcount (delivery_id, minute, answer, count, milliseconds)
SELECT %(delivery)s, minute, '200', 10, 500 FROM moment;
INSERT INTO exporter_attempt (delivery_id, at, status, verdict, error, milliseconds, events, bytes, first_event,
                              last_event, excerpt)
SELECT %(delivery)s, now() - make_interval(secs => n * 5), 200, 'accepted', '', 50, 550, 470000, n * 550,
       n * 550 + 549, '' FROM generate_series(1, 20000) n;
INSERT INTO exporter_eventbatch (workspace_id, first_event, end_event, received_at, type_counts, id_hashes, payload)
SELECT %(workspace)s, n * %(batch)s, least((n + 1) * %(batch)s, sum), now() - make_interval(secs => (sum - n) / 100),
       '{"users.messages.email.Send": [1000, 0]}', ''::bytea, ''::bytea
  FROM (SELECT sum(count) FROM told) s, generate_series(0, (s.sum - 1) / %(batch)s) n;
UPDATE exporter_eventlog SET next_event = (SELECT sum(count) FROM told) WHERE workspace_id = %(workspace)s;
UPDATE exporter_delivery SET cursor = (SELECT sum(count) FROM told), moved_at = now(), accepted_at = now()
 WHERE id = %(delivery)s;
DROP TABLE told, moment
"""


def plant(connector: Connector, events: int = EVENTS) -> int:
    """Gives a fresh connector its history; answers the number of events it comes to."""
    delivery = Delivery.objects.get(connector=connector)
    names = [event.event_type for event in CATALOGUE.events[:_TYPES]]
    about: dict[str, Any] = {
        "minutes": _MINUTES,
        "hours": _HOURS,
        "events": events,
        "types": _TYPES,
        "outcomes": len(_OUTCOMES),
        "type_names": names,
        "outcome_names": list(_OUTCOMES),
        "delivery": delivery.pk,
        "workspace": connector.workspace_id,
        "batch": _BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOMENTS, about)
        cursor.execute(_ROWS, about)
        cursor.execute("ANALYZE")
    delivery.refresh_from_db()
    return delivery.cursor
