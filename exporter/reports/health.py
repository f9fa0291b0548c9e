"""Health: one word for a connector's state, defined here and nowhere else; pages, mails, metrics and the API use it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from exporter.models import Stopped

LOSING = timedelta(minutes=10)
LATE_SECONDS = 60.0


class Health(StrEnum):
    """In order of precedence: the first that fits."""

    KEY_UNREADABLE = "key_unreadable"
    LOG_DAMAGED = "log_damaged"
    LOSING_EVENTS = "losing_events"
    KEY_REJECTED = "key_rejected"
    REQUEST_REFUSED = "request_refused"
    PAUSED = "paused"
    RETRYING = "retrying"
    WAITING = "waiting"
    CATCHING_UP = "catching_up"
    DELIVERING = "delivering"

    @property
    def trouble(self) -> bool:
        """Whether somebody has to act."""
        return self in (
            Health.KEY_UNREADABLE,
            Health.LOG_DAMAGED,
            Health.LOSING_EVENTS,
            Health.KEY_REJECTED,
            Health.REQUEST_REFUSED,
        )

    @property
    def moving(self) -> bool:
        """Whether events are on their way to the destination."""
        return self in (Health.CATCHING_UP, Health.DELIVERING)


@dataclass(frozen=True, slots=True)
class Signs:
    """What health is judged by; all times, `now` included, are the database's."""

    stopped: str
    paused: bool
    received: int
    lag_seconds: float
    failing_since: datetime | None
    moved_at: datetime | None
    expired_at: datetime | None
    now: datetime


def judge(signs: Signs) -> Health:
    """The first health that fits."""
    late = signs.lag_seconds > LATE_SECONDS
    moving = signs.moved_at is not None and (signs.now - signs.moved_at).total_seconds() <= LATE_SECONDS
    checks = (
        (Health.KEY_UNREADABLE, signs.stopped == Stopped.KEY_UNREADABLE),
        (Health.LOG_DAMAGED, signs.stopped == Stopped.LOG_DAMAGED),
        (Health.LOSING_EVENTS, signs.expired_at is not None and signs.now - signs.expired_at < LOSING),
        (Health.KEY_REJECTED, signs.stopped == Stopped.KEY_REJECTED),
        (Health.REQUEST_REFUSED, signs.stopped == Stopped.REQUEST_REFUSED),
        (Health.PAUSED, signs.paused),
        (Health.RETRYING, signs.failing_since is not None or (late and not moving)),
        (Health.WAITING, signs.received == 0),
        (Health.CATCHING_UP, late),
    )
    return next((health for health, fits in checks if fits), Health.DELIVERING)
