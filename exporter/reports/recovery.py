"""When an incident is over: since when events are accepted again, and how long that has to last.

An incident people were told of ends once events have been accepted for a minute, so that its end is told at once, too.
Any other, and one that follows within an hour of such an end, ends after 10 minutes in which nothing failed and nothing
waited for more than a minute: a flapping connector has one incident, not twenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

QUIET_FOR = timedelta(minutes=10)
ACCEPTING_FOR = timedelta(minutes=1)
FLAPPING_FOR = timedelta(hours=1)

# The first acceptance after the last failure of incident `i`, by delivery `d`.
ACCEPTING_SINCE = """
(SELECT min(a.at) FROM exporter_attempt a
  WHERE a.delivery_id = d.id AND a.verdict = 'accepted' AND a.at >= i.opened_at
    AND a.at > coalesce((SELECT max(f.at) FROM exporter_attempt f
                          WHERE f.delivery_id = d.id AND f.at >= i.opened_at
                            AND f.verdict NOT IN ('accepted', 'refused_body')), '-infinity'))
"""
# When an incident of connector `c` that ended lately was over.
LAST_RECOVERY = """
(SELECT max(p.recovered_at) FROM exporter_incident p
  WHERE p.connector_id = c.id AND p.closed_at > %(flapping)s)
"""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Events are on their way again, and the incident is not closed yet. `since` is None where none had to be sent
    meanwhile. `at_once`: it ends after so much of acceptance, otherwise after so much without any trouble."""

    since: datetime | None
    at_once: bool

    @property
    def lasting(self) -> timedelta:
        return ACCEPTING_FOR if self.at_once else QUIET_FOR


def ends_at_once(*, told: bool, last_recovery: datetime | None) -> bool:
    """Whether acceptance alone ends it: people were told of it, and none has just been over before."""
    return told and last_recovery is None
