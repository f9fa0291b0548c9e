"""Lines about what may happen very often: the first of each second are written, the others summed up in one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

MOST_A_SECOND = 20
# Told of each line's name and facts, those that are summed up too (`currents_admin.telemetry`, `dispatch.durations`).
observers: list[Callable[[str, dict[str, Any]], None]] = []


class PacedLines:
    """`event` names a single line. The line for those that had none is called `<event>.more`: its `lines` says how many
    there were, its numbers are their sums, and `ms` is the longest."""

    def __init__(self, logger: str, event: str, level: int = logging.INFO) -> None:
        self._log, self._event, self._level = structlog.get_logger(logger), event, level
        self._guard = threading.Lock()
        self._second, self._written = 0.0, 0
        self._beyond: dict[str, int] = {}

    def write(self, **facts: Any) -> None:
        for observe in observers:
            observe(self._event, facts)
        with self._guard:
            now = time.monotonic()
            if now - self._second >= 1.0:
                self._second, self._written = now, 0
            self._written += 1
            if self._written > MOST_A_SECOND:
                self._sum_up(facts)
                return
        self._log.log(self._level, self._event, **facts)

    def _sum_up(self, facts: dict[str, Any]) -> None:
        if not self._beyond:
            self._beyond["lines"] = 0
            timer = threading.Timer(1.0, self._write_sum)
            timer.daemon = True
            timer.start()
        beyond = self._beyond
        beyond["lines"] += 1
        for name, value in facts.items():
            if name == "ms":
                beyond["ms"] = max(value, beyond.get("ms", 0))
            elif name in SUMMED:
                beyond[name] = beyond.get(name, 0) + value

    def _write_sum(self) -> None:
        with self._guard:
            beyond, self._beyond = self._beyond, {}
        self._log.log(self._level, f"{self._event}.more", **beyond)


# Ids and statuses are numbers too, so what is added up is named.
SUMMED = frozenset(("events", "accepted", "duplicates", "refused", "bytes"))
