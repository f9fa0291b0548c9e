"""What an open incident has cost: one sum, for pages, mails and what is written down when it closes."""

from __future__ import annotations

# Events that expired since incident `i` was opened, and are expired still. Type by type: what a replay recovers of
# earlier losses must not be taken from the losses of this one.
LOST = """
(SELECT coalesce(sum(greatest(t.count - coalesce((i.expired_before ->> t.event_type)::bigint, 0), 0)), 0)::bigint
   FROM exporter_deliverytotal t JOIN exporter_delivery live ON live.id = t.delivery_id AND live.kind = 'live'
  WHERE live.connector_id = i.connector_id AND t.outcome = 'expired')
"""
