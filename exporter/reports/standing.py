"""Where connectors stand: the health of ten thousand at once, and one page of them in order.

Most connectors are quiet: they send, and nothing waits. Those are counted in the database, and only the few of the page
asked for leave it; the signs of the others are judged by :mod:`exporter.reports.health`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import starmap
from typing import Any, NamedTuple, overload

from django.db import connection
from django.db.models import QuerySet

from connectors.models import Workspace
from exporter.reports.health import Health, Signs, judge

_EVERY = """
  FROM connectors_connector c
  JOIN connectors_workspace w ON w.id = c.workspace_id
  JOIN exporter_delivery d ON d.connector_id = c.id AND d.kind = 'live'
  JOIN exporter_eventlog l ON l.workspace_id = c.workspace_id
 WHERE c.workspace_id IN ({mine})
"""

_QUIET = """(d.stopped = '' AND c.state <> 'paused' AND d.failing_since IS NULL AND d.expired_at IS NULL
        AND d.cursor >= l.next_event)"""

_MATCHES = "(%s::bigint[] IS NULL OR c.id = ANY(%s::bigint[]))"

# The others one by one, the quiet ones as numbers.
_STANDING = """
WITH every AS MATERIALIZED (
  SELECT {quiet} AS quiet, {matches} AS matches, l.next_event > d.start AS received, w.id AS workspace_id,
         w.name AS workspace, c.name, c.id, d.stopped, c.state = 'paused' AS paused, d.failing_since, d.moved_at,
         d.expired_at, d.cursor, l.next_event
  {every}
)
SELECT 1, matches, received, lower(workspace), lower(name), id, stopped, paused, failing_since, moved_at, expired_at,
       (SELECT b.received_at FROM exporter_eventbatch b
         WHERE every.cursor < every.next_event AND b.workspace_id = every.workspace_id AND b.end_event > every.cursor
         ORDER BY b.end_event LIMIT 1),
       clock_timestamp()
  FROM every WHERE NOT quiet
 UNION ALL
SELECT count(*), matches, received, '', '', NULL, '', false, NULL, NULL, NULL, NULL, clock_timestamp()
  FROM every WHERE quiet GROUP BY matches, received
"""

_QUIET_ONES = """
SELECT lower(w.name) COLLATE "C" AS workspace, lower(c.name) COLLATE "C" AS name, c.id
  {every} AND {quiet} AND {matches} AND (l.next_event > d.start) = %s
 ORDER BY workspace, name, id OFFSET %s LIMIT %s
"""


class Place(NamedTuple):
    """What orders connectors of one health; both names in small letters."""

    workspace: str
    name: str
    connector_id: int


class Standings(Sequence[int]):
    """Ids of the connectors of some workspaces: what needs somebody first, then by workspace and name.

    Where they are given, only those of the ids `matching` and of that `health` are told; `counts` is of all of them.
    """

    def __init__(
        self, mine: QuerySet[Workspace], matching: list[int] | None = None, health: str = ""
    ) -> None:
        self._mine, self._parameters = mine.values("pk").query.sql_with_params()
        self._matching = matching
        self.counts = Counter[Health]()
        self._quiet = Counter[Health]()
        self._others: dict[Health, list[Place]] = {one: [] for one in Health}
        for count, matches, place, signs in starmap(_one, self._rows(_STANDING, [matching, matching], [])):
            found = judge(signs)
            self.counts[found] += count
            if matches and health in ("", found):
                if place:
                    self._others[found].append(place)
                else:
                    self._quiet[found] += count

    def __len__(self) -> int:
        return self._quiet.total() + sum(map(len, self._others.values()))

    @overload
    def __getitem__(self, wanted: int) -> int: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[int]: ...

    def __getitem__(self, wanted: int | slice) -> int | list[int]:
        if isinstance(wanted, int):
            place = range(len(self))[wanted]
            return self[place : place + 1][0]
        page: list[int] = []
        start, stop, _step = wanted.indices(len(self))
        for health, others in self._others.items():
            size = len(others) + self._quiet[health]
            if start < size and stop > 0:
                page += self._part(health, max(0, start), min(stop, size))
            start, stop = start - size, stop - size
        return page

    def _part(self, health: Health, start: int, stop: int) -> list[int]:
        """Of one health those at the places from `start` to before `stop`.

        The first `passed` of the quiet ones stand before them, wherever the others stand among these."""
        others = self._others[health]
        passed = max(0, start - len(others)) if self._quiet[health] else 0
        quiet = self._quiet_ones(health, passed, stop - passed) if self._quiet[health] else []
        return [one.connector_id for one in sorted(others + quiet)[start - passed : stop - passed]]

    def _quiet_ones(self, health: Health, offset: int, limit: int) -> list[Place]:
        received = health != Health.WAITING
        asked = [self._matching, self._matching, received, offset, limit]
        return list(starmap(Place, self._rows(_QUIET_ONES, [], asked)))

    def _rows(self, statement: str, before: list[Any], after: list[Any]) -> list[tuple[Any, ...]]:
        """What the statement finds; of its parameters, so many stand before and after those of the workspaces."""
        every = _EVERY.format(mine=self._mine)
        with connection.cursor() as cursor:
            cursor.execute(
                statement.format(every=every, quiet=_QUIET, matches=_MATCHES),
                [*before, *self._parameters, *after],
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _one(
    count: int,
    matches: bool,
    received: bool,
    workspace: str,
    name: str,
    connector_id: int | None,
    stopped: str,
    paused: bool,
    failing_since: datetime | None,
    moved_at: datetime | None,
    expired_at: datetime | None,
    oldest_at: datetime | None,
    now: datetime,
) -> tuple[int, bool, Place | None, Signs]:
    lag = max(0.0, (now - oldest_at).total_seconds()) if oldest_at else 0.0
    signs = Signs(stopped, paused, int(received), lag, failing_since, moved_at, expired_at, now)
    place = None if connector_id is None else Place(workspace, name, connector_id)
    return count, matches, place, signs
