"""Retention: how long a workspace's log keeps events, and so until when they can be replayed.

The installation's hours (`CURRENTS_RETENTION_HOURS`), or fewer where the workspace wants so; never less than the expiry
plus a day, so that what expires can still be replayed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from connectors.models import Workspace

# In SQL, with the terms below, where `w` is the workspace.
HOURS = "least(%(most_hours)s, greatest(coalesce(w.retention_hours, %(most_hours)s), %(least_hours)s))"


def most_hours() -> float:
    return float(settings.CURRENTS_RETENTION_HOURS)


def least_hours() -> float:
    return min(most_hours(), float(settings.CURRENTS_EXPIRY_HOURS + 24))


def terms() -> dict[str, float]:
    return {"most_hours": most_hours(), "least_hours": least_hours()}


def hours_of(workspace: Workspace) -> float:
    if workspace.retention_hours is None:
        return most_hours()
    return min(most_hours(), max(float(workspace.retention_hours), least_hours()))


def kept_until(workspace: Workspace, received_at: datetime) -> datetime:
    """Until when an event that came in then is kept at least."""
    return received_at + timedelta(hours=hours_of(workspace))
