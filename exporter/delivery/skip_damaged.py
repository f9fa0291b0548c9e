"""Skips stored events that cannot be read: they are counted as rejected, so that the ledger stays complete.

The live delivery, replays and imports for one connector read from end to end and stop at a damage. A retry of rejected
events needs no such way on: it looks its events up one by one, and one that cannot be read stays rejected.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from exporter.delivery import pending, settings_in_force
from exporter.delivery.body import Counts, Rejection
from exporter.delivery.imported_reader import reader_of
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.reader import Reader
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.destinations import rejection_reasons
from exporter.destinations.packing import Limits
from exporter.destinations.segment.transform import Plan
from exporter.ledger.outcomes import Outcome
from exporter.log import damage
from exporter.log.batches import OTHER
from exporter.log.damage import Damaged
from exporter.log.event_log import Header
from exporter.models import DeliveryKind, Replay, Settled
from exporter.sql import execute


class Busy(Exception):
    """A worker is delivering for the connector at the moment."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Events `first` to `end` (exclusive) were passed; `rejected` of them would have been sent, or may have been.
    `kind` is the delivery's (`models.DeliveryKind`)."""

    first: int
    end: int
    rejected: int
    why: str
    kind: str


_STANDING = """
SELECT id FROM exporter_delivery
 WHERE connector_id = %(connector)s AND (kind = 'live' OR (kind IN ('replay', 'import') AND cursor < stop)) ORDER BY id
"""


def deliveries(connector_id: int) -> list[int]:
    """The connector's deliveries that a damage may stop, the live one first."""
    return [delivery_id for (delivery_id,) in execute(_STANDING, {"connector": connector_id})]


def skip_damaged(delivery_id: int) -> list[Skipped]:
    """Settles what cannot be read at a delivery's cursor, one damage after the other; nothing if the next events can be
    read. Outcomes that follow from a batch's counts by type are recorded; all other events are rejected.

    Raises:
        Busy: try again in a few seconds.
        LeaseLost, Gone: see `exporter.delivery`.
    """
    lease = Lease.take(delivery_id, expiring=True)
    if lease is None:
        raise Busy
    passed: list[Skipped] = []
    try:
        while (fault := _damage(lease)) is not None:
            passed.append(_pass(lease, fault))
    finally:
        if lease.until:
            lease.release()
    return passed


def _damage(lease: Lease) -> Damaged | None:
    revision_id, plan = settings_in_force.rules(lease.connector_id)
    try:
        _reader(lease, plan, revision_id).make(lease.cursor, _stop(lease), Limits(events=1))
    except Damaged as fault:
        return fault
    return None


def _reader(lease: Lease, plan: Plan, revision_id: int) -> Reader:
    if lease.kind == DeliveryKind.LIVE:
        return Reader(lease.workspace_id, plan, revision_id)
    return reader_of(lease, Replay.objects.get(delivery_id=lease.delivery_id), plan, revision_id)


def _stop(lease: Lease) -> int | None:
    ahead = Piece.all_of(lease.ahead)
    return ahead[0].first if ahead else lease.stop


def _pass(lease: Lease, fault: Damaged) -> Skipped:
    revision_id, plan = settings_in_force.rules(lease.connector_id)
    ahead, stop = Piece.all_of(lease.ahead), _stop(lease)
    first, end = lease.cursor, fault.end if stop is None else min(fault.end, stop)
    header = _reader(lease, plan, revision_id).header(first)
    counts = _counts(lease, header, first, end, plan)
    moment = _minute(header.received_at if header else lease.taken_at)
    # One row names the range and the reason; its events cannot be shown or sent again.
    reason = rejection_reasons.unreadable(first, end, fault.why)
    piece = Piece(
        first, end, revision_id, Settled.DAMAGED, counts, rejections=[Rejection(first, OTHER, reason, moment)]
    )
    passed = [piece]
    while ahead and ahead[0].first == passed[-1].end:
        passed.append(ahead.pop(0))
    settle(lease, Step(passed[-1].end, passed, ahead))
    rejected = sum(count for (_at, _name, outcome), count in counts.items() if outcome == Outcome.REJECTED)
    return Skipped(first, end, rejected, fault.why, lease.kind)


def _counts(lease: Lease, header: Header | None, first: int, end: int, plan: Plan) -> Counts:
    if header is None or header.first_event > first:
        return Counter({(_minute(lease.taken_at), OTHER, str(Outcome.REJECTED)): end - first})
    minute = _minute(header.received_at)
    # The counts by type tell what the live delivery does with its events, not which ones a replay was asked for.
    whole = (header.first_event, header.end_event) == (first, end)
    if whole and lease.kind == DeliveryKind.LIVE:
        try:
            damage.check_counts(lease.workspace_id, header)
            return _by_type(header, minute, plan)
        except Damaged:
            pass
    return Counter({(minute, OTHER, str(Outcome.REJECTED)): end - first})


def _by_type(header: Header, minute: datetime, plan: Plan) -> Counts:
    counts: Counts = Counter()
    for (name, outcome), count in pending.counted(header, plan).items():
        counts[minute, name, str(Outcome.REJECTED if outcome == Outcome.EXPIRED else outcome)] += count
    return counts


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
