"""Timelines: a window cut into steps, for charts. Events and attempts are never mixed in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.ledger.outcomes import Outcome

PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
NOT_DELIVERED = (Outcome.REJECTED, Outcome.EXPIRED)
# Answers by family: so the chart has few colours, whatever Segment answers.
FAMILIES = ("accepted", "refused", "wait", "none")
_WAITS = {408, 410, 429, 460}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Named rows of one value per step, oldest first; `begins` are the steps' beginnings. None: nothing to tell."""

    begins: list[datetime]
    rows: dict[str, list[float | None]]

    @property
    def empty(self) -> bool:
        return not any(value for row in self.rows.values() for value in row)


def family(answer: str) -> str:
    """`accepted`, `refused` (Segment will not have it), `wait` (it may later), or `none` (no answer)."""
    if not answer.isdecimal():
        return "none"
    status = int(answer)
    if 200 <= status < 300:
        return "accepted"
    return "wait" if status >= 500 or status in _WAITS else "refused"
