"""A long log quickly: a connector that has received and delivered up to 100 million events, all of them retained.

One batch of 1,000 real events is stored over and over by the database itself, each time with other id hashes; counts,
cursor and settled range say what a delivery would have left. A hundred million take 14 GB.
"""

from __future__ import annotations

import json
import os
from typing import Any

from django.db import connection

from benchmarks import events
from connectors.models import Connector
from exporter.log import batches
from exporter.models import Delivery

_A_BATCH = batches.MOST_EVENTS
_AT_ONCE = 2_000
# Random bytes from which each batch takes its hashes; none comes twice within a window of duplicates.
_POOL = 10_000_000

_BATCHES = """
INSERT INTO exporter_eventbatch
       (workspace_id, first_event, end_event, received_at, type_counts, id_hashes, payload)
SELECT %(workspace)s, n * %(size)s, (n + 1) * %(size)s, now() - interval '6 days' * (1 - (n + 1.0) / %(all)s),
       %(counts)s::jsonb, substr(%(pool)s::bytea, 1 + ((n * %(hashes)s) %% (%(span)s - %(hashes)s))::int, %(hashes)s),
       %(payload)s::bytea
  FROM generate_series(%(from)s::bigint, %(until)s::bigint - 1) n
"""
_COUNTS = """
WITH types AS (
    SELECT key AS t, (value ->> 0)::bigint * %(all)s AS c, (value ->> 1)::bigint * %(all)s AS a
      FROM jsonb_each(%(counts)s::jsonb)
), received AS (
    INSERT INTO exporter_receivedtotal (workspace_id, event_type, count, anonymous, last_received_at)
    SELECT %(workspace)s, t, c, a, now() FROM types
), hours AS (
    INSERT INTO exporter_receivedcount (workspace_id, minute, event_type, count, anonymous)
    SELECT %(workspace)s, date_trunc('hour', now()) - interval '1 hour' * h, t, c / 144, a / 144
      FROM types, generate_series(0, 143) h
), totals AS (
    INSERT INTO exporter_deliverytotal (delivery_id, event_type, outcome, count)
    SELECT %(delivery)s, t, 'delivered', c FROM types
), delivered AS (
    INSERT INTO exporter_deliverycount (delivery_id, minute, event_type, outcome, count)
    SELECT %(delivery)s, date_trunc('hour', now()) - interval '1 hour' * h, t, 'delivered', c / 144
      FROM types, generate_series(0, 143) h
), narrow AS (
    INSERT INTO exporter_deliveryhour (delivery_id, hour, outcome, count)
    SELECT %(delivery)s, date_trunc('hour', now()) - interval '1 hour' * h, 'delivered', %(all)s * %(size)s / 144
      FROM generate_series(0, 143) h
), settled AS (
    INSERT INTO exporter_settlement (delivery_id, first_event, end_event, revision_id, kind)
    SELECT %(delivery)s, 0, %(all)s * %(size)s, max(id), 'sent'
      FROM exporter_revision WHERE connector_id = %(connector)s
), log AS (
    UPDATE exporter_eventlog SET next_event = %(all)s * %(size)s, last_received_at = now()
     WHERE workspace_id = %(workspace)s
)
UPDATE exporter_delivery SET cursor = %(all)s * %(size)s, moved_at = now(), accepted_at = now() WHERE id = %(delivery)s
"""


def retain(made: Connector, count: int) -> None:
    """Gives a connector whose log is empty `count` retained events of six days, a multiple of 1,000."""
    (group,) = events.incoming(made.workspace.slug, _A_BATCH)
    batch = batches.make(group)
    terms: dict[str, Any] = {
        "workspace": made.workspace_id,
        "connector": made.pk,
        "delivery": Delivery.objects.get(connector=made, kind="live").pk,
        "size": _A_BATCH,
        "all": count // _A_BATCH,
        "counts": json.dumps(batch.type_counts),
        "pool": os.urandom(_POOL),
        "span": _POOL,
        "hashes": len(batch.id_hashes),
        "payload": batch.compressed(),
    }
    with connection.cursor() as cursor:
        for start in range(0, count // _A_BATCH, _AT_ONCE):
            until = min(start + _AT_ONCE, count // _A_BATCH)
            cursor.execute(_BATCHES, terms | {"from": start, "until": until})
        cursor.execute(_COUNTS, terms)
        cursor.execute("VACUUM ANALYZE exporter_eventbatch")
