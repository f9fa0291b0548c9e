"""The lease: the time-limited right of one worker to move one delivery's cursor.

It is set and compared by the database's clock only. The holder trusts it only by its own monotonic clock, counted from
*before* it asked, so a frozen or slow process errs on the safe side. Each lease has a new token, and every later
statement is fenced by it.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from exporter.dispatch.shutdown import stopping
from exporter.lease_sql import DUE, FREE
from exporter.sql import execute

log = structlog.get_logger(__name__)

# No request starts this close to the end of the lease.
MARGIN_SECONDS = 1.0
CAREFUL_SECONDS = 60
# How long the release of a lease is tried; a stop in good order has 10 s for everything.
RELEASE_SECONDS = 5.0
_REPEAT_SECONDS = 0.2

_TAKE = f"""
UPDATE exporter_delivery d
   SET lease_token = %(token)s,
       lease_until = clock_timestamp() + make_interval(secs => %(seconds)s),
       lease_holder = current_setting('application_name'),
       lease_since = clock_timestamp(),
       careful_until = CASE WHEN d.lease_token IS NULL THEN d.careful_until
                            ELSE statement_timestamp() + make_interval(secs => %(careful)s) END
  FROM connectors_connector c
 WHERE d.id = %(id)s AND c.id = d.connector_id AND (c.state = 'live' OR d.kind <> 'live' OR %(expiring)s)
   AND {FREE} AND ({DUE} OR d.alone OR %(expiring)s)
RETURNING d.connector_id, d.workspace_id, d.kind, d.start, d.stop, d.cursor, d.ahead::text, d.settles,
          d.stopped, d.failures, d.failing_since,
          coalesce(d.careful_until > clock_timestamp(), false),
          coalesce(d.careful_until = statement_timestamp() + make_interval(secs => %(careful)s), false),
          coalesce(d.small_bodies_until > clock_timestamp(), false),
          coalesce(d.next_attempt_at > clock_timestamp(), false), clock_timestamp()
"""  # noqa: S608 - constants of ours
# The columns of `_TAKE` by the names a lease has for them.
_STATE = (
    *(
        "connector_id",
        "workspace_id",
        "kind",
        "start",
        "stop",
        "cursor",
        "ahead",
        "settles",
        "stopped",
    ),
    *("failures", "failing_since", "careful", "taken_over", "small_bodies", "early", "taken_at"),
)
_RENEW = """
UPDATE exporter_delivery SET lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
 WHERE id = %(id)s AND lease_token = %(token)s RETURNING id
"""
_RELEASE = """
UPDATE exporter_delivery SET lease_token = NULL, lease_until = NULL
 WHERE id = %(id)s AND lease_token = %(token)s RETURNING id
"""


class LeaseLost(Exception):
    """Another worker holds the delivery, or it was deleted; nothing of ours was written."""


class Interrupted(LeaseLost):
    """The process is stopping before the turn knows what to write; the lease is still ours."""


@dataclass(slots=True)
class Lease:
    """A held lease with the delivery's state at the time it was taken; `settle` keeps it up to date."""

    delivery_id: int
    token: uuid.UUID
    until: float
    connector_id: int
    workspace_id: int
    kind: str
    start: int
    stop: int | None
    cursor: int
    ahead: str
    settles: int
    stopped: str
    failures: int
    failing_since: datetime | None
    careful: bool
    taken_over: bool
    small_bodies: bool
    early: bool
    taken_at: datetime
    taken: float

    @classmethod
    def take(cls, delivery_id: int, *, expiring: bool = False) -> Lease | None:
        """The lease; None if another worker holds it, the connector is paused or deleted, or nothing is due. Expiry
        sends nothing, so it waits neither for the next attempt nor for a connector to be resumed."""
        token, asked = uuid.uuid4(), time.monotonic()
        terms = _terms(delivery_id, token) | {"careful": CAREFUL_SECONDS, "expiring": expiring}
        connection.ensure_connection()
        try:
            rows = execute(_TAKE, terms)
        except (OperationalError, InterfaceError):
            # It may be ours, and only the answer have been lost.
            connection.close()
            _let_go(delivery_id, token, asked + RELEASE_SECONDS)
            raise
        if not rows:
            return None
        until = asked + settings.CURRENTS_LEASE_SECONDS
        return cls(
            delivery_id=delivery_id,
            token=token,
            until=until,
            taken=asked,
            **dict(zip(_STATE, rows[0], strict=True)),
        )

    def renew(self) -> bool:
        """Renews the lease for another full term; False if another worker has it now."""
        asked = time.monotonic()
        if not execute(_RENEW, _terms(self.delivery_id, self.token)):
            self.until = 0.0
            return False
        self.until = asked + settings.CURRENTS_LEASE_SECONDS
        return True

    def try_to_renew(self) -> None:
        """Renews it while an answer is awaited: an unreachable database is no reason to give the lease up before its
        end.

        Raises:
            LeaseLost: another worker has it now.
        """
        try:
            if not self.renew():
                raise LeaseLost
        except DatabaseError:
            connection.close()
            stopping.wait(0.1)

    def release(self) -> bool:
        """Lets others have it, if that can be done within some seconds: after a short restart of the database nobody
        should wait for the lease to run out. False if it was not ours any more, or could not be done."""
        give_up_at, self.until = min(self.until, time.monotonic() + RELEASE_SECONDS), 0.0
        return bool(give_up_at) and _let_go(self.delivery_id, self.token, give_up_at)

    def renewed(self, asked: float) -> None:
        """Notes that a settle begun at `asked` (monotonic) has renewed the lease."""
        self.until = asked + settings.CURRENTS_LEASE_SECONDS

    @property
    def seconds_left(self) -> float:
        return self.until - time.monotonic()

    @property
    def may_send(self) -> bool:
        return self.seconds_left > MARGIN_SECONDS

    @property
    def wants_renewal(self) -> bool:
        return self.seconds_left < settings.CURRENTS_LEASE_SECONDS * 2 / 3

    def now(self) -> float:
        """The database's clock in UNIX seconds, estimated without asking again."""
        return self.taken_at.timestamp() + (time.monotonic() - self.taken)


def _let_go(delivery_id: int, token: uuid.UUID, give_up_at: float) -> bool:
    """One that cannot be released expires by itself."""
    while True:
        try:
            return bool(execute(_RELEASE, _terms(delivery_id, token)))
        except DatabaseError as fault:
            connection.close()
            if time.monotonic() >= give_up_at:
                error = type(fault).__name__
                log.warning("lease.not_released", delivery=delivery_id, next="it expires", error=error)
                return False
        time.sleep(_REPEAT_SECONDS)


def _terms(delivery_id: int, token: uuid.UUID) -> dict[str, Any]:
    return {"id": delivery_id, "token": token, "seconds": float(settings.CURRENTS_LEASE_SECONDS)}
