"""How this process connects to PostgreSQL, whatever the address says."""

from __future__ import annotations

from typing import Any

from currents_admin import local
from currents_admin.postgresql.naming import application_name

# The system notices within 6 s that a host has silently disappeared, on every connection at once, whether anything was
# sent on it or not: one after the other, each found out by its next user, they would hold up the intake for a quarter
# of a minute. A frozen server is none that disappeared: its system still answers these.
_NO_HALF_OPEN = {
    "keepalives_idle": local.ASKED_AFTER,
    "keepalives_interval": local.ASKED_APART,
    "keepalives_count": local.ASKED_TIMES,
    "tcp_user_timeout": local.UNANSWERED_MS,
}
# From this many uses on a statement is prepared.
_PREPARED_AFTER = 5


def database(address: dict[str, Any], *, prepared: bool) -> dict[str, Any]:
    """Django's settings of the database at this address; options it has itself count. `prepared`: off for poolers that
    cannot carry prepared statements (pgbouncer before 1.21)."""
    ours = {"connect_timeout": 3, "application_name": application_name()} | _NO_HALF_OPEN
    options = ours | address["OPTIONS"]
    if not prepared:
        options["prepare_threshold"] = None
    options.setdefault("prepare_threshold", _PREPARED_AFTER)
    return address | {
        "ENGINE": "currents_admin.postgresql",
        "OPTIONS": options,
        # Reopened after an hour, so that a database host that has moved is found again (its name is looked up again).
        "CONN_MAX_AGE": 3600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
