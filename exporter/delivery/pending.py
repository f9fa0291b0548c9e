"""Pending events: what will become of them, and since when the oldest one to be sent has been waiting.

A whole batch is judged by its `type_counts`; only one that the cursor has partly passed is decoded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from connectors.catalogue.catalogue import CATALOGUE
from exporter.delivery.piece import Piece
from exporter.destinations.segment.transform import Plan, convert
from exporter.ledger.outcomes import Outcome
from exporter.log import damage, event_log
from exporter.log.batches import OTHER
from exporter.log.damage import Damaged
from exporter.log.event_log import Header

HEADERS = 100

# (event type, outcome) → events. Events to be sent count as `expired`, which they are once they are over age.
Fates = Counter[tuple[str, str]]


def fates(workspace_id: int, header: Header, first: int, end: int, plan: Plan) -> Fates:
    """What becomes of the events `first` to `end` (exclusive) of a batch if they are not sent.

    Raises:
        Damaged: it cannot be read, or its counts do not add up.
    """
    if (first, end) == (header.first_event, header.end_event):
        damage.check_counts(workspace_id, header)
        return counted(header, plan)
    return _decoded(workspace_id, header, first, end, plan)


def oldest_deliverable(
    workspace_id: int, cursor: int, ahead: list[Piece], plan: Plan, before: datetime
) -> datetime | None:
    """When the oldest event waiting to be sent was received; None if there is none received before `before`."""
    for first, end in holes(cursor, ahead):
        for header, start, stop in parts(workspace_id, first, end, before):
            if any(
                outcome == Outcome.EXPIRED
                for _name, outcome in fates(workspace_id, header, start, stop, plan)
            ):
                return header.received_at
    return None


def holes(cursor: int, ahead: list[Piece]) -> Iterator[tuple[int, int | None]]:
    """The pending ranges between what was accepted ahead; the last one is open."""
    for piece in ahead:
        if piece.first > cursor:
            yield cursor, piece.first
        cursor = piece.end
    yield cursor, None


def parts(
    workspace_id: int, first: int, end: int | None, before: datetime
) -> Iterator[tuple[Header, int, int]]:
    """The batches of a range that were received before `before`, each with the numbers of it that belong to the range.

    Raises:
        Damaged: the range begins with numbers that are not in the log.
    """
    while True:
        headers = event_log.headers(workspace_id, first, HEADERS)
        for header in headers:
            if header.received_at >= before or (end is not None and first >= end):
                return
            if header.first_event > first:
                raise Damaged(workspace_id, first, header.first_event, "are no longer in the log")
            stop = header.end_event if end is None else min(header.end_event, end)
            yield header, first, stop
            first = stop
        if len(headers) < HEADERS:
            return


def counted(header: Header, plan: Plan) -> Fates:
    """The fates of a whole batch by its counts by type; events to be sent count as `expired`."""
    found: Fates = Counter()
    for name, (count, anonymous) in header.type_counts.items():
        if name not in CATALOGUE.by_name:
            found[name, Outcome.UNSUPPORTED] += count
        elif name not in plan.selected:
            found[name, Outcome.UNSELECTED] += count
        else:
            kept = 0 if plan.include_anonymous else anonymous
            found[name, Outcome.ANONYMOUS] += kept
            found[name, Outcome.EXPIRED] += count - kept
    return +found


def _decoded(workspace_id: int, header: Header, first: int, end: int, plan: Plan) -> Fates:
    lines = damage.read(workspace_id, header, event_log.payloads([header.id]).get(header.id))
    found: Fates = Counter()
    for line in lines[first - header.first_event : end - header.first_event]:
        event_type, outcome, _call, _reason = convert(line, plan)
        # Expired takes precedence over rejected, and nothing is delivered here.
        over = outcome in (Outcome.DELIVERED, Outcome.REJECTED)
        name = event_type if event_type in header.type_counts else OTHER
        found[name, Outcome.EXPIRED if over else outcome] += 1
    return found
