"""What one settle writes: attempts, trouble, and the step of the cursor."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.delivery.piece import Piece


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt, as it is recorded. `at` is UNIX seconds by the database's clock; `status` None: no answer."""

    at: float
    status: int | None
    verdict: str
    error: str
    milliseconds: float
    events: int
    size: int
    first: int
    last: int
    excerpt: str
    wait: float | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """The state after a failure: seconds to the next attempt, why it is stopped (empty: it is not)."""

    wait: float
    stopped: str = ""
    alone: bool = False


@dataclass(slots=True)
class Step:
    """What one settle writes: the new cursor with everything it passes, what lies ahead, and how it went.

    `losing`: events expire in this step; it is the cause (`models.Cause`) of the incident if none is open yet.
    """

    cursor: int
    passed: list[Piece] = field(default_factory=list)
    ahead: list[Piece] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    accepted: bool = False
    trouble: Trouble | None = None
    small_bodies: bool = False
    losing: str = ""
