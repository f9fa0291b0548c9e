"""A body on its way from the log to Segment, and the counts that will enter the ledger with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from exporter.ledger.outcomes import Outcome

# (minute received, event type, outcome) → events
Counts = Counter[tuple[datetime, str, str]]


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that is not sent, with its number in the log and the reason in words."""

    number: int
    event_type: str
    reason: str
    minute: datetime


@dataclass(slots=True)
class Body:
    """Event numbers `first` to `end` (exclusive), and the calls among them.

    `numbers` and `minutes` hold each call's event number and minute, `types` its event type; `left` counts the events
    that are not sent; `received` pairs the time a batch was received (UNIX seconds) with its calls.
    """

    first: int
    end: int
    revision_id: int
    calls: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    left: Counts = field(default_factory=Counter)
    sent: Counts = field(default_factory=Counter)
    received: list[tuple[float, int]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    size: int = 0
    full: bool = False
    oldest: float | None = None

    @property
    def counts(self) -> Counts:
        """The outcomes of the range once its calls are accepted."""
        return self.left + self.sent

    def rejected(self, reason: str) -> Body:
        """The outcomes of the range once its call (one, after halving) has been rejected for good."""
        ((minute, event_type, _delivered),) = self.sent
        left = self.left + Counter({(minute, event_type, str(Outcome.REJECTED)): 1})
        rejection = Rejection(self.numbers[0], event_type, reason, minute)
        return Body(
            self.first, self.end, self.revision_id, left=left, rejections=[*self.rejections, rejection]
        )
