"""Expiry: events that are over age are settled under the lease, like any other range.

`delivery.over_age` says which events are over age and whether they may expire. Expiry never crosses what was accepted
ahead of the cursor: that is delivered, and its counts enter the ledger when the cursor passes it.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from itertools import islice

import structlog

from exporter.delivery import over_age, settings_in_force
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.pending import HEADERS, parts
from exporter.delivery.pending import fates as fates_of
from exporter.delivery.piece import Piece
from exporter.delivery.settings_in_force import Gone
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.destinations.segment.transform import Plan
from exporter.dispatch.row_by_row import row_by_row
from exporter.dispatch.shutdown import stopping
from exporter.ledger.outcomes import Outcome
from exporter.models import Cause, Settled
from exporter.sql import execute

log = structlog.get_logger(__name__)

# The lease of a delivery is not held longer than this; the next chore expires the rest.
LONGEST_SECONDS = 5.0


def expire_due(at: datetime | None = None) -> int:
    """Expires what is over age in every delivery that nobody else holds, and returns how many events were lost."""
    return sum(
        row_by_row("expire", over_age.over_age(at), int, lambda delivery_id: _expire_one(delivery_id, at))
    )


def _expire_one(delivery_id: int, at: datetime | None) -> int:
    try:
        return 0 if stopping.is_set() else expire(delivery_id, at)
    except (LeaseLost, Gone):
        log.info("lease.lost", delivery=delivery_id, doing="expire")
        return 0


def expire(delivery_id: int, at: datetime | None = None) -> int:
    """Settles the over-age range of one delivery as expired and returns how many events were lost; those that would
    not have been sent anyway are passed, not lost. 0 if somebody else holds the lease.

    Raises:
        LeaseLost, Gone, Damaged: see `exporter.delivery`.
    """
    lease = Lease.take(delivery_id, expiring=True)
    if lease is None:
        return 0
    try:
        # Asked again, now that the lease keeps others from changing the answer.
        return _pass(lease, over_age.over_age_before(at)) if over_age.over_age(at, delivery_id) else 0
    finally:
        if lease.until:
            lease.release()


def _pass(lease: Lease, before: datetime) -> int:
    revision_id, plan = settings_in_force.rules(lease.connector_id)
    reason, began, expired = _reason(lease), time.monotonic(), 0
    while lease.may_send and not stopping.is_set() and time.monotonic() - began < LONGEST_SECONDS:
        waiting = Piece.all_of(lease.ahead)
        stop = waiting[0].first if waiting else None
        piece = _piece(lease, stop, before, revision_id, plan)
        if piece.end == piece.first:
            break
        passed = [piece]
        while waiting and waiting[0].first == passed[-1].end:
            passed.append(waiting.pop(0))
        lost = sum(
            count for (_minute, _name, outcome), count in piece.counts.items() if outcome == Outcome.EXPIRED
        )
        settle(lease, Step(passed[-1].end, passed, waiting, losing=reason if lost else ""))
        expired += lost
    if expired:
        log.warning(
            "delivery.expired",
            workspace=lease.workspace_id,
            connector=lease.connector_id,
            events=expired,
            cause=str(reason),
        )
    return expired


def _piece(lease: Lease, stop: int | None, before: datetime, revision_id: int, plan: Plan) -> Piece:
    """A slice of what is over age between the cursor and `stop`; empty if there is nothing."""
    piece = Piece(lease.cursor, lease.cursor, revision_id, Settled.EXPIRED, Counter())
    for header, first, end in islice(parts(lease.workspace_id, lease.cursor, stop, before), HEADERS):
        minute = header.received_at.replace(second=0, microsecond=0)
        for (name, outcome), count in fates_of(lease.workspace_id, header, first, end, plan).items():
            piece.counts[minute, name, outcome] += count
        piece.end = end
    return piece


def _reason(lease: Lease) -> str:
    """The cause of an incident that this loss opens."""
    if lease.stopped:
        return lease.stopped
    paused = execute(
        "SELECT 1 FROM connectors_connector WHERE id = %(id)s AND state = 'paused'",
        {"id": lease.connector_id},
    )
    if paused:
        return Cause.PAUSED
    return Cause.RETRYING if lease.failing_since else Cause.LATE
