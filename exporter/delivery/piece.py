"""A settled piece of the log: a range of event numbers with everything that enters the ledger when the cursor passes
it.

Pieces accepted beyond the cursor are kept in `Delivery.ahead` as JSON, so that a failed body before them does not cause
them to be sent again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from exporter.delivery.body import Body, Counts, Rejection
from exporter.models import Settled


@dataclass(slots=True)
class Piece:
    """Event numbers `first` to `end` (exclusive) with their outcomes; `accepted_at` is UNIX seconds."""

    first: int
    end: int
    revision_id: int
    kind: str
    counts: Counts
    received: list[tuple[float, int]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    accepted_at: float = 0.0
    # The numbers of the calls, while the piece is new; it is settled once, so they are not kept with it.
    numbers: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, body: Body, accepted_at: float) -> Piece:
        kind = Settled.SENT if body.sent or body.rejections else Settled.SKIPPED
        return cls(
            body.first,
            body.end,
            body.revision_id,
            kind,
            body.counts,
            body.received,
            body.rejections,
            accepted_at,
            body.numbers,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "end": self.end,
            "revision": self.revision_id,
            "kind": self.kind,
            "counts": [
                [m.isoformat(), name, str(result), count] for (m, name, result), count in self.counts.items()
            ],
            "received": self.received,
            "rejections": [[r.number, r.event_type, r.reason, r.minute.isoformat()] for r in self.rejections],
            "accepted_at": self.accepted_at,
        }

    def bare(self) -> Piece:
        """The piece with its range, its counts and its rejected events only; everything optional is dropped."""
        rejections = [Rejection(one.number, one.event_type, "", one.minute) for one in self.rejections]
        return Piece(self.first, self.end, self.revision_id, self.kind, self.counts, rejections=rejections)

    @classmethod
    def all_of(cls, ahead: str) -> list[Piece]:
        """The pieces of a delivery's `ahead`, in order of numbers."""
        return [cls.from_json(stored) for stored in json.loads(ahead)]

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Piece:
        return cls(
            stored["first"],
            stored["end"],
            stored["revision"],
            stored["kind"],
            Counter(
                {(datetime.fromisoformat(m), name, result): n for m, name, result, n in stored["counts"]}
            ),
            [(moment, count) for moment, count in stored["received"]],
            [Rejection(n, name, why, datetime.fromisoformat(m)) for n, name, why, m in stored["rejections"]],
            stored["accepted_at"],
        )
