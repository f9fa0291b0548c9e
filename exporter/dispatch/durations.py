"""How long requests took, to us and from us: counted in this process, added to the counts in the database with each of
its heartbeats. What a process that is killed has counted since the last one is missing."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import DatabaseError

from exporter import paced_lines
from exporter.sql import execute

# Milliseconds; what took longer is beyond all of them.
BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
BEYOND = 2_147_483_647

_ADD = """
INSERT INTO exporter_requestduration AS d (kind, status, bound, count, milliseconds)
SELECT * FROM unnest(%(kinds)s::text[], %(statuses)s::text[], %(bounds)s::int[], %(counts)s::bigint[],
                     %(milliseconds)s::bigint[])
ON CONFLICT (kind, status, bound) DO UPDATE
   SET count = d.count + excluded.count, milliseconds = d.milliseconds + excluded.milliseconds
"""


class Requests(StrEnum):
    """Those of senders of events to our intake, and our attempts at a destination."""

    INTAKE = "intake"
    ATTEMPT = "attempt"


# Each of them is one line of the log, whether it is written or summed up.
_BY_LINE = {
    "intake.request": Requests.INTAKE,
    "intake.request_refused": Requests.INTAKE,
    "front.refused": Requests.INTAKE,
    "delivery.attempt": Requests.ATTEMPT,
    "delivery.attempt_failed": Requests.ATTEMPT,
}


class _Counted(NamedTuple):
    kind: str
    status: str
    bound: int


class Durations:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._counts: dict[_Counted, list[int]] = defaultdict(lambda: [0, 0])

    def note(self, line: str, facts: dict[str, Any]) -> None:
        """A line about a request: its `status` (None: no answer came) and `ms`."""
        kind = _BY_LINE.get(line)
        if kind is None or facts.get("path") == "other":
            return
        ms = facts["ms"]
        place = bisect_left(BOUNDS, ms)
        bound = BOUNDS[place] if place < len(BOUNDS) else BEYOND
        self._add(_Counted(kind, str(facts["status"] or "none"), bound), 1, ms)

    def store(self) -> None:
        """Adds what was counted to the database's counts.

        Raises:
            DatabaseError: it is kept for the next time.
        """
        with self._guard:
            counts, self._counts = self._counts, defaultdict(lambda: [0, 0])
        if not counts:
            return
        # In one order everywhere: two processes that add to the same rows wait for each other, and never in a circle.
        rows = sorted(counts.items())
        try:
            execute(
                _ADD,
                {
                    "kinds": [key.kind for key, _ in rows],
                    "statuses": [key.status for key, _ in rows],
                    "bounds": [key.bound for key, _ in rows],
                    "counts": [count for _, (count, _) in rows],
                    "milliseconds": [ms for _, (_, ms) in rows],
                },
            )
        except DatabaseError:
            for key, (count, ms) in rows:
                self._add(key, count, ms)
            raise

    def _add(self, key: _Counted, count: int, ms: int) -> None:
        with self._guard:
            known = self._counts[key]
            known[0] += count
            known[1] += ms


_process = Durations()
store = _process.store


def watch() -> None:
    """From now on this process's requests are counted."""
    paced_lines.observers.append(_process.note)
