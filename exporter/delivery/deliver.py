"""The entry: one turn for one delivery."""

from __future__ import annotations

from exporter.delivery import lines, retry_rejected, trouble
from exporter.delivery.failure import land
from exporter.delivery.lease import Interrupted, Lease, LeaseLost
from exporter.delivery.probe import probe
from exporter.delivery.replay import ReplayTurn
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Gone
from exporter.delivery.turn import Turn
from exporter.log import event_log
from exporter.models import Delivery, DeliveryKind, Stopped

_REPLAYS = (DeliveryKind.REPLAY, DeliveryKind.IMPORT)


def deliver(delivery_id: int) -> Ended:
    """Runs one turn. Whatever goes wrong ends as `Ended.FAILED`, with the time of the next turn on the delivery's
    row."""
    lease = Lease.take(delivery_id)
    if lease is None:
        return Ended.HELD
    if lease.taken_over:
        lines.lease_taken_over(lease)
    try:
        return _turn(lease)
    except Interrupted:
        return Ended.BEHIND
    except LeaseLost:
        lines.lease_lost(lease.workspace_id, lease.connector_id, lease.delivery_id)
        return Ended.LOST
    except Gone:
        return Ended.GONE
    finally:
        lease.release()


def moved_on(delivery_id: int) -> int | None:
    """After a release: the workspace of a delivery that has something left nobody may have been told of."""
    row = (
        Delivery.objects.filter(pk=delivery_id, next_attempt_at=None).values("cursor", "workspace_id").first()
    )
    if row is None or event_log.head(row["workspace_id"]) <= row["cursor"]:
        return None
    return int(row["workspace_id"])


def _turn(lease: Lease) -> Ended:
    try:
        if lease.kind == DeliveryKind.RETRY:
            return retry_rejected.deliver(lease)
        turn = ReplayTurn(lease) if lease.kind in _REPLAYS else Turn(lease)
    except (LeaseLost, Gone):
        raise
    except Exception as fault:
        return trouble.record(lease, fault)
    try:
        # A damaged log is not the destination's fault, so there is nothing to probe.
        probing = lease.stopped and lease.stopped != Stopped.LOG_DAMAGED
        ended = probe(turn) if probing else None
        return ended or land(turn, turn.work())
    except (LeaseLost, Gone):
        turn.line.cut()
        raise
    except Exception as fault:
        return _end(turn, fault)


def _end(turn: Turn, fault: Exception) -> Ended:
    try:
        return trouble.end_turn(turn, fault)
    except (LeaseLost, Gone):
        turn.line.cut()
        raise
