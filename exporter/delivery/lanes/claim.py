"""Claiming: the right to deliver up to some hundred small deliveries, with what waits for each, in one statement.

One token serves all deliveries of a claim: every later statement names it *and* the old cursor of each delivery. What
is not small, plain and healthy is left where it is and named, so that a turn of its own may take it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.conf import settings

from exporter.delivery.lease import CAREFUL_SECONDS
from exporter.delivery.newest_revision import newest_revision
from exporter.lease_sql import FREE
from exporter.log.event_log import Header, decode_counts
from exporter.sql import execute

# More than so many events waiting are a backlog. A small body is what a crash may repeat of a connector.
MOST_EVENTS = 250
# Batches of one delivery that are looked at, and bytes of their payloads (compressed) that are read.
MOST_BATCHES = 50
MOST_PAYLOAD = 64_000

# The conditions stand twice: PostgreSQL asks those beside the lock again where the row changed meanwhile. The round
# number orders those that have waited longest for their turn first, whatever the age of what they hold.
_HEALTHY = "(d.failing_since IS NULL AND d.next_attempt_at IS NULL AND d.stopped = '')"
# Each workspace is a look into the index of workspaces and kinds, whatever PostgreSQL believes: in the first minute of
# many new connectors it would read all deliveries for each. The range asks for an order only that index has, and OFFSET
# keeps all of it together. Retries and replays that are over stay, and are many in time: they are not looked at.
_LIVE = """(SELECT * FROM exporter_delivery
             WHERE (workspace_id, kind) >= (w.id, 'live') AND (workspace_id, kind) <= (w.id, 'live')
             ORDER BY workspace_id, kind OFFSET 0)"""
CLAIM = f"""
WITH this AS MATERIALIZED (
    SELECT nextval('exporter_round') AS round
), woken AS MATERIALIZED (
    SELECT d.id, d.workspace_id, d.round, l.next_event AS head,
           {_HEALTHY} AND d.ahead = '[]'::jsonb AND l.next_event - d.cursor <= %(events)s AS small
      FROM unnest(%(workspaces)s::bigint[]) AS w(id)
     CROSS JOIN LATERAL {_LIVE} d
      JOIN exporter_eventlog l ON l.workspace_id = w.id
      JOIN connectors_connector c ON c.id = d.connector_id AND c.state = 'live'
     WHERE d.cursor < l.next_event AND d.id <> ALL (%(apart)s::bigint[]) AND {FREE}
       -- A refused event that stood alone is probed as soon as something follows it.
       AND ({_HEALTHY} OR (d.alone AND l.next_event > d.cursor + 1))
), locked AS (
    SELECT d.id, woken.head
      FROM woken JOIN exporter_delivery d ON d.id = woken.id
     WHERE woken.small AND d.cursor < woken.head AND {FREE} AND {_HEALTHY} AND d.ahead = '[]'::jsonb
     ORDER BY d.round, d.id LIMIT %(most)s
       FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE exporter_delivery d
       SET lease_token = %(token)s,
           lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
           lease_holder = current_setting('application_name'),
           lease_since = clock_timestamp(),
           careful_until = CASE WHEN d.lease_token IS NULL THEN d.careful_until
                                ELSE clock_timestamp() + make_interval(secs => %(careful)s) END,
           round = (SELECT round FROM this)
      FROM locked WHERE d.id = locked.id
 RETURNING d.id, d.connector_id, d.workspace_id, d.cursor, locked.head
), latest AS (
    SELECT claimed.*, {newest_revision("claimed.connector_id")} AS revision_id FROM claimed
)
SELECT n.id, n.workspace_id, n.connector_id, n.cursor, n.head, n.revision_id, clock_timestamp(),
       b.id, b.first_event, b.end_event, b.received_at, b.type_counts::text, b.payload
  FROM latest n
  LEFT JOIN LATERAL (
      SELECT e.id, e.first_event, e.end_event, e.received_at, e.type_counts,
             CASE WHEN sum(octet_length(e.payload)) OVER (ORDER BY e.end_event) <= %(payload)s THEN e.payload END
             AS payload
        FROM (SELECT * FROM exporter_eventbatch
               WHERE workspace_id = n.workspace_id AND end_event > n.cursor
               ORDER BY end_event LIMIT %(batches)s) e
       ORDER BY e.end_event) b ON true
UNION ALL
SELECT woken.id, woken.workspace_id, NULL, NULL, NULL, NULL, clock_timestamp(),
       NULL, NULL, NULL, NULL, NULL, NULL
  FROM woken WHERE NOT woken.small
"""  # noqa: S608 - constants of ours

_UNCLAIM = """
UPDATE exporter_delivery SET lease_token = NULL, lease_until = NULL
 WHERE workspace_id = ANY (%(workspaces)s::bigint[]) AND lease_token = %(token)s
"""


@dataclass(slots=True)
class Claimed:
    """A delivery this process may deliver until `until` (monotonic seconds), and the batches that wait for it, with
    their payloads (None: too large for a small body)."""

    delivery_id: int
    workspace_id: int
    connector_id: int
    cursor: int
    head: int
    revision_id: int
    token: uuid.UUID
    until: float
    batches: list[tuple[Header, bytes | None]]


@dataclass(slots=True)
class Claim:
    """`large` names deliveries that need a turn of their own. `at` and `clock` are one moment, by the monotonic clock
    and in UNIX seconds by the database's."""

    claimed: list[Claimed] = field(default_factory=list)
    large: list[int] = field(default_factory=list)
    at: float = 0.0
    clock: float = 0.0


def claim(workspaces: Sequence[int], most: int, apart: Collection[int], token: uuid.UUID) -> Claim:
    """Claims up to `most` of the small live deliveries of these workspaces that are due, but none of those `apart`.
    `token`: one nobody has used.

    Raises:
        OperationalError, InterfaceError: it may have been done, and the answer been lost: see `unclaim`.
        django.db.Error: nothing was claimed.
    """
    asked = time.monotonic()
    seconds = float(settings.CURRENTS_LEASE_SECONDS)
    rows = execute(
        CLAIM,
        {
            "workspaces": list(workspaces),
            "most": most,
            "apart": list(apart),
            "token": token,
            "seconds": seconds,
            "careful": float(CAREFUL_SECONDS),
            "events": MOST_EVENTS,
            "batches": MOST_BATCHES,
            "payload": MOST_PAYLOAD,
        },
    )
    made = Claim()
    for delivery_id, group in groupby(rows, key=lambda row: row[0]):
        own = list(group)
        first = own[0]
        if first[2] is None:
            made.large.append(delivery_id)
        else:
            own_id, workspace_id, connector_id, cursor, head, revision_id = first[:6]
            made.claimed.append(
                Claimed(
                    own_id,
                    workspace_id,
                    connector_id,
                    cursor,
                    head,
                    revision_id,
                    token,
                    asked + seconds,
                    _batches(own),
                )
            )
        made.at, made.clock = time.monotonic(), first[6].timestamp()
    return made


def unclaim(workspaces: Sequence[int], token: uuid.UUID) -> None:
    """Lets go of what was claimed under this token and not begun. Otherwise a database that was away for a moment would
    cost these deliveries their whole lease.

    Raises:
        django.db.Error: nothing was let go of.
    """
    execute(_UNCLAIM, {"workspaces": list(workspaces), "token": token})


def _batches(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Header, bytes | None]]:
    return [
        (Header(row[7], row[8], row[9], row[10], decode_counts(row[11])), row[12])
        for row in rows
        if row[7] is not None
    ]
