"""Settling: the one statement that moves a cursor and writes outcomes.

Its first step updates the delivery only if the lease and the old cursor are still ours; counts, attempts and everything
else depend on the row that step returns. So a settle happens as a whole or not at all, and a stale holder writes
nothing.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from exporter.delivery import lines
from exporter.delivery.body import Counts, Rejection
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.piece import Piece
from exporter.delivery.settle_sql import SETTLE
from exporter.delivery.step import Step, Tried, Trouble
from exporter.ledger.delay_buckets import bucket
from exporter.models import Stopped
from exporter.sql import execute

log = structlog.get_logger(__name__)

REPEAT_SECONDS = 0.2


# A statement and its parameters.
Statement = tuple[str, dict[str, Any]]


def settle(lease: Lease, step: Step, *, beside: Statement | None = None) -> None:
    """Writes `step` and renews the lease; `beside` runs in the same transaction, before it.

    If the connection broke while the statement ran, the delivery's own row shows whether it was committed. It is
    repeated until our lease has ended by our own clock.

    Raises:
        LeaseLost: the lease or the cursor is no longer ours.
        ArithmeticError: the counts do not add up to the distance the cursor moves.
    """
    counts: Counts = Counter()
    for piece in step.passed:
        counts.update(piece.counts)
    if sum(counts.values()) != step.cursor - lease.cursor:
        raise ArithmeticError("the counts do not add up to the distance the cursor moves")
    parameters = _parameters(lease, step, counts)
    while True:
        asked = time.monotonic()
        try:
            with transaction.atomic() if beside else nullcontext():
                if beside:
                    execute(*beside)
                if not execute(SETTLE, parameters):
                    lease.until = 0.0
                    raise LeaseLost
            break
        except (OperationalError, InterfaceError):
            if lease.seconds_left <= 0:
                raise LeaseLost from None
            log.warning("database.away", doing="settle", delivery=lease.delivery_id, next="tried again")
            if _was_settled(lease):
                break
    lease.renewed(asked)
    lease.cursor, lease.ahead = step.cursor, parameters["ahead"]
    stopped_before = lease.stopped
    lease.settles += 1
    if step.trouble is not None:
        lease.failures += 1
        lease.stopped = step.trouble.stopped
    elif parameters["healed"]:
        lease.failures, lease.stopped = 0, ""
    lines.settled(lease, step, stopped_before)


_NOTE = """
UPDATE exporter_delivery
   SET settles = settles + 1, failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
       next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s), stopped = %(stopped)s,
       careful_until = clock_timestamp() + interval '1 hour'
 WHERE id = %(id)s AND lease_token = %(token)s RETURNING id
"""


def note_trouble(lease: Lease, trouble: Trouble) -> None:
    """The last resort if nothing else can be written: records the back-off alone, so that nothing repeats every few
    seconds, and small bodies for an hour, because what was accepted last may be sent again.

    Raises:
        LeaseLost: the lease is no longer ours.
    """
    terms = {"id": lease.delivery_id, "token": lease.token, "wait": trouble.wait, "stopped": trouble.stopped}
    while True:
        try:
            if not execute(_NOTE, terms):
                raise LeaseLost
            return
        except DatabaseError:
            connection.close()
            if lease.seconds_left <= 0:
                raise LeaseLost from None
            time.sleep(REPEAT_SECONDS)


def _was_settled(lease: Lease) -> bool:
    """Whether the interrupted statement was committed. Waits for the database as long as our lease lasts."""
    while True:
        connection.close()
        try:
            rows = execute(
                "SELECT lease_token, settles FROM exporter_delivery WHERE id = %(id)s",
                {"id": lease.delivery_id},
            )
        except DatabaseError:
            if lease.seconds_left <= 0:
                raise LeaseLost from None
            time.sleep(REPEAT_SECONDS)
            continue
        if not rows or rows[0][0] != lease.token:
            raise LeaseLost
        return bool(rows[0][1] == lease.settles + 1)


def _parameters(lease: Lease, step: Step, counts: Counts) -> dict[str, Any]:
    trouble = step.trouble
    return {
        "id": lease.delivery_id,
        "token": lease.token,
        "old": lease.cursor,
        "new": step.cursor,
        "seconds": float(settings.CURRENTS_LEASE_SECONDS),
        "ahead": json.dumps([piece.to_json() for piece in step.ahead]),
        "accepted": step.accepted,
        "healed": step.accepted or (lease.stopped == Stopped.LOG_DAMAGED and step.cursor > lease.cursor),
        "failed": trouble is not None,
        "stopped": trouble.stopped if trouble else "",
        "alone": trouble.alone if trouble else False,
        "wait": trouble.wait if trouble else 0.0,
        "small": step.small_bodies,
        "expired": bool(step.losing),
        **_incident(step),
        **_counts(counts),
        **_delays(step.passed),
        **_ranges(step.passed),
        **_rejections(step.passed),
        **_attempts(step.tried),
    }


def _incident(step: Step) -> dict[str, str]:
    """Opens an incident and its notice when a delivery stops or loses events. The settle does it, so that nothing is
    reported that did not happen."""
    if step.losing:
        return {"incident": step.losing, "notice": "dropping"}
    return {"incident": step.trouble.stopped if step.trouble else "", "notice": "stopped"}


def _counts(counts: Counts) -> dict[str, Any]:
    """The same counts three times: by minute and type, by hour, and in all."""
    keys = sorted(counts)
    totals: Counter[tuple[str, str]] = Counter()
    hours: Counter[tuple[datetime, str]] = Counter()
    for (minute, event_type, outcome), count in counts.items():
        totals[event_type, outcome] += count
        hours[minute.replace(minute=0), outcome] += count
    total_keys, hour_keys = sorted(totals), sorted(hours)
    return {
        "minutes": [minute for minute, _type, _outcome in keys],
        "types": [event_type for _minute, event_type, _outcome in keys],
        "outcomes": [str(outcome) for _minute, _type, outcome in keys],
        "counts": [counts[key] for key in keys],
        "hours": [hour for hour, _outcome in hour_keys],
        "hour_outcomes": [str(outcome) for _hour, outcome in hour_keys],
        "hour_counts": [hours[key] for key in hour_keys],
        "total_types": [event_type for event_type, _outcome in total_keys],
        "total_outcomes": [str(outcome) for _type, outcome in total_keys],
        "total_counts": [totals[key] for key in total_keys],
    }


def _minute(moment: float) -> datetime:
    return datetime.fromtimestamp(moment // 60 * 60, UTC)


def _delays(pieces: Iterable[Piece]) -> dict[str, Any]:
    delays: Counter[tuple[datetime, int]] = Counter()
    for piece in pieces:
        for received, count in piece.received:
            delays[_minute(received), bucket(max(0.0, piece.accepted_at - received))] += count
    keys = sorted(delays)
    return {
        "delay_minutes": [minute for minute, _bucket in keys],
        "delay_buckets": [place for _minute, place in keys],
        "delay_counts": [delays[key] for key in keys],
    }


def _ranges(pieces: Iterable[Piece]) -> dict[str, Any]:
    """The settled ranges, with neighbours of the same revision and kind merged."""
    ranges: list[list[Any]] = []
    for piece in pieces:
        if piece.first == piece.end:
            continue
        if ranges and ranges[-1][1:] == [piece.first, piece.revision_id, piece.kind]:
            ranges[-1][1] = piece.end
        else:
            ranges.append([piece.first, piece.end, piece.revision_id, piece.kind])
    return {
        "range_firsts": [first for first, _end, _revision, _kind in ranges],
        "range_ends": [end for _first, end, _revision, _kind in ranges],
        "range_revisions": [revision for _first, _end, revision, _kind in ranges],
        "range_kinds": [kind for _first, _end, _revision, kind in ranges],
    }


def _rejections(pieces: Iterable[Piece]) -> dict[str, Any]:
    found: list[Rejection] = [rejection for piece in pieces for rejection in piece.rejections]
    return {
        "rejected_numbers": [rejection.number for rejection in found],
        "rejected_types": [rejection.event_type[:200] for rejection in found],
        "rejected_reasons": [rejection.reason[:500] for rejection in found],
    }


def _attempts(tried: list[Tried]) -> dict[str, Any]:
    answers: Counter[tuple[datetime, str]] = Counter()
    times: Counter[tuple[datetime, str]] = Counter()
    for one in tried:
        key = (_minute(one.at), str(one.status or "none"))
        answers[key] += 1
        times[key] += round(one.milliseconds)
    keys = sorted(answers)
    return {
        "attempt_ats": [datetime.fromtimestamp(one.at, UTC) for one in tried],
        "attempt_statuses": [one.status for one in tried],
        "attempt_verdicts": [one.verdict for one in tried],
        "attempt_errors": [one.error[:200] for one in tried],
        "attempt_times": [round(one.milliseconds) for one in tried],
        "attempt_events": [one.events for one in tried],
        "attempt_sizes": [one.size for one in tried],
        "attempt_firsts": [one.first for one in tried],
        "attempt_lasts": [one.last for one in tried],
        "attempt_excerpts": [one.excerpt.replace("\0", "")[:500] for one in tried],
        "attempt_waits": [one.wait for one in tried],
        "answer_minutes": [minute for minute, _answer in keys],
        "answers": [answer for _minute, answer in keys],
        "answer_counts": [answers[key] for key in keys],
        "answer_times": [times[key] for key in keys],
    }
