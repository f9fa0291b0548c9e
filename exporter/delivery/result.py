"""The result of a turn."""

from __future__ import annotations

from enum import StrEnum


class Ended(StrEnum):
    """How a turn ended."""

    HELD = "held"
    """Nothing to do now: another worker holds the lease, nothing is due, or the connector is paused."""
    IDLE = "idle"
    """Nothing is left to do for now."""
    DONE = "done"
    """Nothing is left to do for ever (of a delivery that has an end)."""
    BEHIND = "behind"
    """There is more to do; other deliveries go first."""
    FAILED = "failed"
    """An attempt failed or something else went wrong; the time of the next one is on the delivery's row."""
    LOST = "lost"
    """The lease went to another worker; nothing of ours was written since."""
    GONE = "gone"
    """The connector was deleted."""
