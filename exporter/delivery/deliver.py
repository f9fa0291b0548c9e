"""The way in: deliver one delivery for one turn."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection

from exporter.delivery import piece, retry_rejected
from exporter.delivery.failure import land
from exporter.delivery.lease import Lease
from exporter.delivery.probe import probe
from exporter.delivery.reader import Gap
from exporter.delivery.settings_in_force import Gone, KeyUnreadable
from exporter.delivery.settle import LeaseLost, Step, Trouble, settle
from exporter.delivery.turn import Turn
from exporter.destinations import backoff
from exporter.log import event_log
from exporter.models import Kind, Stopped

log = logging.getLogger(__name__)


def deliver(delivery_id: int) -> str:
    """One turn; a word for what came of it.

    `held`: not ours to do now · `idle`: nothing left · `done`: nothing left for ever · `behind`: more to do ·
    `failed`: an attempt failed · `lost`: the lease went to another · `gone`: the connector was deleted.
    """
    lease = Lease.take(delivery_id)
    if lease is None:
        return "held"
    try:
        return _turn(lease)
    except LeaseLost:
        return "lost"
    except Gone:
        return "gone"
    except Gap as error:
        log.critical("%s Delivery %s stands still; see docs/reliability.md.", error, delivery_id)
        return "failed"
    finally:
        _let_go(lease)


def moved_on(delivery_id: int) -> bool:
    """After a release: whether there is something left that nobody may have been told of."""
    from exporter.models import Delivery

    row = (
        Delivery.objects.filter(pk=delivery_id, next_attempt_at=None).values("cursor", "workspace_id").first()
    )
    return row is not None and event_log.head(row["workspace_id"]) > row["cursor"]


def _turn(lease: Lease) -> str:
    try:
        if lease.kind == Kind.RETRY:
            return retry_rejected.deliver(lease)
        turn = Turn(lease)
    except KeyUnreadable:
        trouble = Trouble(backoff.PROBE_SECONDS, Stopped.KEY_UNREADABLE)
        settle(lease, Step(lease.cursor, ahead=piece.pieces(lease.ahead), trouble=trouble))
        return "failed"
    try:
        word = probe(turn) if lease.stopped else ""
        return word or land(turn, turn.work())
    except (LeaseLost, Gone):
        turn.line.cut()
        raise


def _let_go(lease: Lease) -> None:
    """A lease that cannot be released runs out by itself."""
    if not lease.until:
        return
    try:
        lease.release()
    except DatabaseError:
        connection.close()
        log.warning("The lease of delivery %s could not be released; it runs out.", lease.delivery_id)
