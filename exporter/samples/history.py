"""Sample histories: a past for a connector, written by the product's own code, for demonstrations and measurements.

There are two kinds: counts alone (of events that have been trimmed since, by the hour and for the last 3 hours by the
minute, as the roll-up leaves them), which are quick however many there are; and real events with their bytes, as if
they had arrived earlier. Both keep every ledger balanced. Nobody else may write to the connector's log meanwhile.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from django.db import transaction

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter import sql as sql_module
from exporter.delivery import settings_in_force
from exporter.delivery.body import Counts, Rejection
from exporter.delivery.lease import Lease
from exporter.delivery.piece import Piece
from exporter.delivery.settle import settle
from exporter.delivery.step import Step, Tried, Trouble
from exporter.destinations.packing import MOST_EVENTS
from exporter.destinations.segment.transform import Plan, convert
from exporter.ledger.outcomes import Outcome
from exporter.log import batches, event_log
from exporter.log.batches import Batch
from exporter.log.event_log import Placed
from exporter.log.events import Incoming
from exporter.maintenance.rollup import MINUTES_KEPT
from exporter.models import DeliveryKind, EventBatch, RejectedEvent, Settled, Stopped

CALL_BYTES = 770
# Pieces per settle: a statement of a few thousand rows.
_PIECES = 60
# The share of bodies whose first attempt failed.
_FAILING = 0.01
_TOO_LONG = "The Segment call has 33120 bytes, Segment takes at most 32000."


class Mix(NamedTuple):
    """How often each event type occurs, and the share of events without an external user id."""

    weights: Mapping[str, float]
    anonymous: float = 0.04
    rejected: float = 0.0


@dataclass(frozen=True, slots=True)
class _Slot:
    """A minute or hour in which `counts` events of each type were received."""

    at: datetime
    counts: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def counts(
    connector: Connector, mix: Mix, events: int, since: datetime, until: datetime, random: Random
) -> None:
    """Adds the counts of about `events` events between the two times, delivered and trimmed since.

    Raises:
        RuntimeError: somebody else holds the lease of the connector's delivery.
    """
    slots = _slots(mix, events, since, until, random)
    head = _advance(connector.workspace_id, slots)
    revision_id, plan = settings_in_force.rules(connector.pk)
    lease = _lease(connector)
    try:
        for start in range(0, len(slots), _PIECES):
            pieces, tried = [], []
            for slot in slots[start : start + _PIECES]:
                piece = _piece(slot, head, revision_id, plan, mix, random)
                pieces.append(piece)
                tried += _tried(piece, random)
                head = piece.end
            settle(lease, Step(head, pieces, [], tried, accepted=True))
            _date_rejections(connector, pieces)
    finally:
        lease.release()


def _slots(mix: Mix, events: int, since: datetime, until: datetime, random: Random) -> list[_Slot]:
    moments = list(_moments(since, until))
    weights = [_busy(moment) * seconds for moment, seconds in moments]
    per_weight = events / (sum(weights) or 1)
    shares = sum(mix.weights.values())
    slots, owed = [], dict.fromkeys(mix.weights, 0.0)
    for (moment, _seconds), weight in zip(moments, weights, strict=True):
        came = {}
        for name, share in mix.weights.items():
            owed[name] += per_weight * weight * share / shares * random.uniform(0.7, 1.3)
            came[name] = int(owed[name])
            owed[name] -= came[name]
        slot = _Slot(moment, {name: count for name, count in came.items() if count})
        if slot.counts:
            slots.append(slot)
    return slots


def _moments(since: datetime, until: datetime) -> Iterator[tuple[datetime, float]]:
    """Hours, and minutes where they would not have been rolled up yet."""
    fine = (until - MINUTES_KEPT).replace(minute=0, second=0, microsecond=0)
    moment = since.replace(minute=0, second=0, microsecond=0)
    while moment < until:
        step = timedelta(hours=1) if moment < fine else timedelta(minutes=1)
        yield moment, step.total_seconds()
        moment += step


def _busy(moment: datetime) -> float:
    """Traffic is heavier by day than by night, and on workdays than at weekends."""
    day = 1 + 0.8 * math.sin((moment.hour + moment.minute / 60 - 8) / 24 * 2 * math.pi)
    return day * (0.6 if moment.weekday() >= 5 else 1.0)


def _advance(workspace_id: int, slots: Sequence[_Slot]) -> int:
    """Counts the events as received and takes their numbers, as if trimmed already. Returns the first number."""
    event_log.ensure(workspace_id)
    total = sum(slot.total for slot in slots)
    with transaction.atomic():
        sql = sql_module.cursor()
        head = event_log.lock(sql, workspace_id)
        if EventBatch.objects.filter(workspace_id=workspace_id).exists():
            raise RuntimeError(
                "This log already holds events; counts alone can only be added before the first one."
            )
        event_log.move(sql, workspace_id, total, slots[-1].at)
        placed = [
            Placed(
                workspace_id,
                0,
                slot.at,
                Batch(0, {name: [n, 0] for name, n in slot.counts.items()}, b"", b""),
            )
            for slot in slots
        ]
        event_log.count(sql, placed)
        sql.execute(
            "UPDATE exporter_logmark SET first_event = %s WHERE workspace_id = %s",
            (head + total, workspace_id),
        )
    return head


def _piece(slot: _Slot, first: int, revision_id: int, plan: Plan, mix: Mix, random: Random) -> Piece:
    came: Counts = Counter()
    rejections: list[Rejection] = []
    delivered = 0
    for name, count in slot.counts.items():
        if name not in CATALOGUE.by_name:
            came[slot.at, name, Outcome.UNSUPPORTED] += count
        elif name not in plan.selected:
            came[slot.at, name, Outcome.UNSELECTED] += count
        else:
            hidden = 0 if plan.include_anonymous else round(count * mix.anonymous * random.uniform(0.5, 1.5))
            bad = sum(random.random() < mix.rejected for _ in range(min(count - hidden, 50)))
            came[slot.at, name, Outcome.ANONYMOUS] += hidden
            came[slot.at, name, Outcome.REJECTED] += bad
            came[slot.at, name, Outcome.DELIVERED] += count - hidden - bad
            delivered += count - hidden - bad
            for _ in range(bad):
                rejections.append(Rejection(first + len(rejections), name, _TOO_LONG, slot.at))
    piece = Piece(first, first + slot.total, revision_id, Settled.SENT, +came, rejections=rejections)
    if delivered:
        moment = slot.at.timestamp()
        piece.received = [(moment, delivered)]
        piece.accepted_at = moment + random.lognormvariate(-0.5, 0.9)
    return piece


def _tried(piece: Piece, random: Random) -> list[Tried]:
    """The request that carried the piece, preceded now and then by one that failed."""
    sent = sum(count for _moment, count in piece.received)
    if not sent:
        return []
    good = Tried(
        at=piece.accepted_at - 0.1,
        status=200,
        verdict="accepted",
        error="",
        milliseconds=random.lognormvariate(3.6, 0.4),
        events=min(sent, MOST_EVENTS),
        size=min(sent, MOST_EVENTS) * CALL_BYTES,
        first=piece.first,
        last=piece.end - 1,
        excerpt="",
        wait=None,
    )
    if random.random() >= _FAILING:
        return [good]
    failed = replace(
        good, at=good.at - 1, status=503, verdict="retry", excerpt="Service Unavailable", wait=1.0
    )
    return [failed, good]


def events(
    connector: Connector,
    past: Iterable[tuple[datetime, Sequence[Incoming]]],
    random: Random,
    *,
    settled: bool,
) -> None:
    """Adds real events to the log, as if they had arrived at these times (in order); delivered or still waiting.

    Raises:
        RuntimeError: somebody else holds the lease of the connector's delivery.
    """
    event_log.ensure(connector.workspace_id)
    placed: list[Placed] = []
    with transaction.atomic():
        sql = sql_module.cursor()
        head = event_log.lock(sql, connector.workspace_id)
        for moment, some in past:
            for batch in batches.cut(some):
                placed.append(Placed(connector.workspace_id, head, moment, batch))
                head += batch.count
        if not placed:
            return
        total = head - placed[0].first_event
        event_log.move(sql, connector.workspace_id, total, placed[-1].received_at)
        event_log.insert(sql, placed)
    if settled:
        _settle_events(connector, placed, random)


def _settle_events(connector: Connector, placed: Sequence[Placed], random: Random) -> None:
    revision_id, plan = settings_in_force.rules(connector.pk)
    lease = _lease(connector)
    try:
        for start in range(0, len(placed), _PIECES):
            some = placed[start : start + _PIECES]
            pieces = [_judged(one, revision_id, plan, random) for one in some]
            tried = [attempt for piece in pieces for attempt in _tried(piece, random)]
            settle(lease, Step(pieces[-1].end, pieces, [], tried, accepted=True))
            _date_rejections(connector, pieces)
    finally:
        lease.release()


def _judged(one: Placed, revision_id: int, plan: Plan, random: Random) -> Piece:
    """What a delivery would have made of the batch."""
    minute = one.received_at.replace(second=0, microsecond=0)
    counts: Counts = Counter()
    rejections: list[Rejection] = []
    for number, line in enumerate(one.batch.text.split(b"\n"), start=one.first_event):
        event_type, outcome, _call, reason = convert(line, plan)
        name = event_type if event_type in one.batch.type_counts else batches.OTHER
        counts[minute, name, outcome] += 1
        if outcome == Outcome.REJECTED:
            rejections.append(Rejection(number, name, reason, minute))
    piece = Piece(one.first_event, one.end_event, revision_id, Settled.SENT, counts, rejections=rejections)
    sent = sum(count for (_minute, _name, outcome), count in counts.items() if outcome == Outcome.DELIVERED)
    if sent:
        piece.received = [(one.received_at.timestamp(), sent)]
        piece.accepted_at = one.received_at.timestamp() + random.lognormvariate(-0.5, 0.9)
    return piece


def refused_since(connector: Connector, since: datetime, wait: float) -> None:
    """Makes it look as if Segment had been rejecting the key since then; the next attempt is due in `wait` seconds."""
    lease = _lease(connector)
    minutes_ago = math.ceil((datetime.now(UTC) - since).total_seconds() / 60)
    tried = [
        Tried(
            at=moment.timestamp(),
            status=401,
            verdict="key_rejected",
            error="",
            milliseconds=38.0,
            events=1,
            size=CALL_BYTES,
            first=lease.cursor,
            last=lease.cursor,
            excerpt='{"success":false,"message":"This write key is not known."}',
            wait=None,
        )
        for moment in (since + timedelta(minutes=minutes) for minutes in range(0, minutes_ago, 5))
    ]
    try:
        trouble = Trouble(wait, Stopped.KEY_REJECTED)
        settle(lease, Step(lease.cursor, tried=tried, trouble=trouble))
    finally:
        lease.release()
    connector.deliveries.update(failing_since=since, accepted_at=since - timedelta(seconds=2))
    connector.incidents.update(opened_at=since)
    connector.write_keys.filter(activated_at__isnull=False, retired_at__isnull=True).update(rejected_at=since)


def launched_at(connector: Connector, moment: datetime) -> None:
    """Makes it look as if the connector had been launched then."""
    Connector.objects.filter(pk=connector.pk).update(created_at=moment, changed_at=moment)
    connector.write_keys.update(created_at=moment, activated_at=moment)
    connector.deliveries.update(created_at=moment)
    connector.revisions.update(created_at=moment)


def _date_rejections(connector: Connector, pieces: Sequence[Piece]) -> None:
    """As if they had been judged when they came."""
    for one in (rejection for piece in pieces for rejection in piece.rejections):
        RejectedEvent.objects.filter(connector=connector, event_number=one.number).update(at=one.minute)


def _lease(connector: Connector) -> Lease:
    lease = Lease.take(connector.deliveries.get(kind=DeliveryKind.LIVE).pk)
    if lease is None:
        raise RuntimeError("Somebody else delivers for this connector.")
    return lease
