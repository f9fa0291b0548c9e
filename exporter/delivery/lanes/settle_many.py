"""Settling many deliveries at once. A delivery whose lease was lost is simply not among those that moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError

from exporter.delivery import lines
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.settle_many_sql import SETTLE_MANY
from exporter.delivery.piece import Piece
from exporter.delivery.step import Tried
from exporter.ledger.delay_buckets import bucket
from exporter.sql import execute

log = structlog.get_logger(__name__)

# One that cannot be settled is tried again by a turn of its own after so long.
SET_ASIDE_SECONDS = 60.0
_SET_ASIDE = """
UPDATE exporter_delivery
   SET lease_token = NULL, lease_until = NULL, failures = failures + 1,
       failing_since = coalesce(failing_since, clock_timestamp()),
       next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
 WHERE id = %(id)s AND lease_token = %(token)s
"""

Parameters = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Landed:
    """What one delivery's body came to: `piece` enters the ledger where it was accepted or nothing had to be sent;
    `tried` is the attempt, if there was one; `wait` the seconds to the next one, where it failed. `unclear`: a turn of
    its own is wanted once the lease is released."""

    claimed: Claimed
    piece: Piece | None
    tried: Tried | None
    wait: float | None = None
    unclear: bool = False


def settle_many(landed: Sequence[Landed]) -> set[int]:
    """Writes what landed and releases the leases; returns the deliveries that were still ours.

    What cannot be written is found by writing singly and set aside. A statement that broke off with its connection may
    be repeated: what it wrote has no lease of ours any more.

    Raises:
        OperationalError, InterfaceError: the database is away.
    """
    if not landed:
        return set()
    # The statement finds a row by its delivery: one that stands twice (under a lease that was lost, and claimed again
    # since) would be counted for both. The second goes into a statement of its own.
    eldest = {one.claimed.delivery_id: one for one in reversed(landed)}
    if len(eldest) < len(landed):
        again = [one for one in landed if eldest[one.claimed.delivery_id] is not one]
        return settle_many(list(eldest.values())) | settle_many(again)
    try:
        return _settle(landed)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # a bug for one row must not lose what the others' destinations accepted
        if len(landed) == 1:
            _set_aside(landed[0], error)
            return set()
    return {one for each in landed for one in settle_many([each])}


def _settle(landed: Sequence[Landed]) -> set[int]:
    # Rows are locked in one order by all processes.
    ordered = sorted(landed, key=lambda one: one.claimed.delivery_id)
    moved = {row[0] for row in execute(SETTLE_MANY, parameters(ordered))}
    for one in ordered:
        claimed = one.claimed
        if claimed.delivery_id not in moved:
            lines.lease_lost(claimed.workspace_id, claimed.connector_id, claimed.delivery_id)
        elif one.tried is not None:
            lines.attempt(claimed.workspace_id, claimed.connector_id, one.tried)
    return moved


def _set_aside(one: Landed, error: Exception) -> None:
    delivery_id = one.claimed.delivery_id
    log.error("delivery.set_aside", delivery=delivery_id, doing="settle", exc_info=error)
    terms = {"id": delivery_id, "token": one.claimed.token, "wait": SET_ASIDE_SECONDS}
    execute(_SET_ASIDE, terms)


def parameters(landed: Sequence[Landed]) -> Parameters:
    """The columns of all rows, each with its delivery beside it."""
    columns: Parameters = {name: [] for name in _NAMES}
    for one in landed:
        new = one.piece.end if one.piece is not None else one.claimed.cursor
        _add(
            columns,
            ids=one.claimed.delivery_id,
            tokens=one.claimed.token,
            olds=one.claimed.cursor,
            news=new,
            accepted=one.piece is not None and bool(one.piece.received),
            waits=one.wait,
        )
        if one.piece is not None:
            _add_piece(columns, one.claimed.delivery_id, one.piece)
        if one.tried is not None:
            _add_attempt(columns, one.claimed.delivery_id, one.tried)
    return columns


def _add_piece(columns: Parameters, delivery_id: int, piece: Piece) -> None:
    if sum(piece.counts.values()) != piece.end - piece.first:
        raise ArithmeticError("the counts do not add up to the distance the cursor moves")
    totals: Counter[tuple[str, str]] = Counter()
    hours: Counter[tuple[datetime, str]] = Counter()
    for (minute, event_type, outcome), count in piece.counts.items():
        _add(
            columns,
            count_ids=delivery_id,
            minutes=minute,
            types=event_type,
            outcomes=str(outcome),
            counts=count,
        )
        totals[event_type, str(outcome)] += count
        hours[minute.replace(minute=0), str(outcome)] += count
    for (event_type, outcome), count in totals.items():
        _add(
            columns, total_ids=delivery_id, total_types=event_type, total_outcomes=outcome, total_counts=count
        )
    for (hour, outcome), count in hours.items():
        _add(columns, hour_ids=delivery_id, hours=hour, hour_outcomes=outcome, hour_counts=count)
    _add_delays(columns, delivery_id, piece)
    _add(
        columns,
        range_ids=delivery_id,
        range_firsts=piece.first,
        range_ends=piece.end,
        range_revisions=piece.revision_id,
        range_kinds=piece.kind,
    )
    for rejection in piece.rejections:
        _add(
            columns,
            rejected_ids=delivery_id,
            rejected_numbers=rejection.number,
            rejected_types=rejection.event_type[:200],
            rejected_reasons=rejection.reason[:500],
        )


def _add_delays(columns: Parameters, delivery_id: int, piece: Piece) -> None:
    delays: defaultdict[tuple[datetime, int], int] = defaultdict(int)
    for received, count in piece.received:
        delays[_minute(received), bucket(max(0.0, piece.accepted_at - received))] += count
    for (minute, place), count in delays.items():
        _add(columns, delay_ids=delivery_id, delay_minutes=minute, delay_buckets=place, delay_counts=count)


def _add_attempt(columns: Parameters, delivery_id: int, tried: Tried) -> None:
    _add(
        columns,
        attempt_ids=delivery_id,
        attempt_ats=datetime.fromtimestamp(tried.at, UTC),
        attempt_statuses=tried.status,
        attempt_verdicts=tried.verdict,
        attempt_errors=tried.error[:200],
        attempt_times=round(tried.milliseconds),
        attempt_events=tried.events,
        attempt_sizes=tried.size,
        attempt_firsts=tried.first,
        attempt_lasts=tried.last,
        attempt_excerpts=tried.excerpt.replace("\0", "")[:500],
        attempt_waits=tried.wait,
        answer_minutes=_minute(tried.at),
        answers=str(tried.status or "none"),
    )


def _add(columns: Parameters, **values: Any) -> None:
    for name, value in values.items():
        columns[name].append(value)


def _minute(moment: float) -> datetime:
    return datetime.fromtimestamp(moment // 60 * 60, UTC)


_NAMES = (
    *("ids", "tokens", "olds", "news", "accepted", "waits"),
    *("count_ids", "minutes", "types", "outcomes", "counts"),
    *("total_ids", "total_types", "total_outcomes", "total_counts"),
    *("hour_ids", "hours", "hour_outcomes", "hour_counts"),
    *("delay_ids", "delay_minutes", "delay_buckets", "delay_counts"),
    *("range_ids", "range_firsts", "range_ends", "range_revisions", "range_kinds"),
    *("rejected_ids", "rejected_numbers", "rejected_types", "rejected_reasons"),
    *(
        "attempt_ids",
        "attempt_ats",
        "attempt_statuses",
        "attempt_verdicts",
        "attempt_errors",
        "attempt_times",
    ),
    *(
        "attempt_events",
        "attempt_sizes",
        "attempt_firsts",
        "attempt_lasts",
        "attempt_excerpts",
        "attempt_waits",
    ),
    *("answer_minutes", "answers"),
)
