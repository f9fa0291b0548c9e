"""Where connectors stand: the health of thousands at once, for the page of all workspaces.

Most connectors are quiet: they send, and nothing waits. One statement tells them apart, so that only the others' signs
travel; whatever is judged is judged by :mod:`exporter.reports.health`.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from connectors.models import Workspace
from exporter.reports.health import Health, Signs, judge


class Standing(NamedTuple):
    """A connector's health; `matches` tells whether it has all the words that were searched for."""

    connector_id: int
    workspace: str
    name: str
    health: Health
    matches: bool


_STANDING = """
SELECT c.id, w.name, c.name,
       %s OR NOT EXISTS (SELECT 1 FROM unnest(%s::text[]) word
                    WHERE strpos(lower(concat_ws(' ', c.name, w.name, w.slug, c.contact_email)), word) = 0),
       l.next_event - d.start, signs.*
  FROM connectors_connector c
  JOIN connectors_workspace w ON w.id = c.workspace_id
  JOIN exporter_delivery d ON d.connector_id = c.id AND d.kind = 'live'
  JOIN exporter_eventlog l ON l.workspace_id = c.workspace_id
  LEFT JOIN LATERAL (
       SELECT d.stopped, c.state = 'paused' AS paused, d.failing_since, d.moved_at, d.expired_at,
              (SELECT b.received_at FROM exporter_eventbatch b
                WHERE d.cursor < l.next_event AND b.workspace_id = d.workspace_id AND b.end_event > d.cursor
                ORDER BY b.end_event LIMIT 1) AS oldest_at,
              clock_timestamp() AS now
        WHERE d.stopped <> '' OR c.state = 'paused' OR d.failing_since IS NOT NULL OR d.expired_at IS NOT NULL
           OR d.cursor < l.next_event
  ) signs ON true
 WHERE c.workspace_id IN ({mine})
"""


def standings(workspaces: QuerySet[Workspace], search: str = "") -> list[Standing]:
    """Every connector of the workspaces, in no order; one statement."""
    mine, parameters = workspaces.values("pk").query.sql_with_params()
    words = search.lower().split()
    with connection.cursor() as cursor:
        cursor.execute(_STANDING.format(mine=mine), [not words, words, *parameters])
        rows = cursor.fetchall()
    never, quiet = judge(_quiet(0)), judge(_quiet(1))
    return [
        Standing(
            connector_id,
            workspace,
            name,
            judge(_signs(received, *signs)) if signs[-1] else quiet if received else never,
            matches,
        )
        for connector_id, workspace, name, matches, received, *signs in rows
    ]


def _quiet(received: int) -> Signs:
    return Signs("", False, received, 0.0, None, None, None, timezone.now())


def _signs(
    received: int,
    stopped: str,
    paused: bool,
    failing_since: datetime | None,
    moved_at: datetime | None,
    expired_at: datetime | None,
    oldest_at: datetime | None,
    now: datetime,
) -> Signs:
    lag = max(0.0, (now - oldest_at).total_seconds()) if oldest_at else 0.0
    return Signs(stopped, paused, received, lag, failing_since, moved_at, expired_at, now)
