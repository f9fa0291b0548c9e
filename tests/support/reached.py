"""What random histories got to.

What they are good for depends on it: a fault in the settle of a set is seen by histories that settle sets, and a
connector that fails, is paused or has a bad key settles none. So each history notes what it reached, and the test that
runs them asks for everything in a share of them. A rule that stops doing what it says, or one more that keeps the
others from their work, is noticed by that.
"""

from __future__ import annotations

from enum import StrEnum

from exporter.reports.health import Health
from exporter.reports.summary import Summary


class Reached(StrEnum):
    """What a history can get to; each is asked for, see `test_ledger_property`."""

    ACCEPTED_IN_A_TURN = "a turn settled accepted events"
    ACCEPTED_IN_A_SET = "a set settled accepted events"
    LOST_IN_A_TURN = "a turn settled too late and was turned away"
    LOST_IN_A_SET = "a set settled too late and was turned away"
    CRASHED_IN_A_TURN = "a worker died before it settled"
    CRASHED_IN_A_SET = "a worker died before it settled a set"
    REJECTED = "an event was rejected"
    EXPIRED = "an event expired"
    RETRIED = "a retry delivered a rejected event"
    STOPPED = "a rejected key stopped the connector"
    TRIMMED = "settled events left the log"


def shown(summary: Summary) -> set[Reached]:
    """What a connector's numbers tell of its past."""
    told = {
        Reached.REJECTED: summary.outcomes["rejected"],
        Reached.EXPIRED: summary.outcomes["expired"],
        Reached.STOPPED: summary.health == Health.KEY_REJECTED,
    }
    return {one for one, is_so in told.items() if is_so}
