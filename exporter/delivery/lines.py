"""What delivery writes into the log: attempts, stops and resumptions, leases lost or taken over. What is tried often is
paced, so that a busy connector costs no more than a few lines a second."""

from __future__ import annotations

import logging
from typing import Any

import structlog

from exporter.delivery.lease import Lease
from exporter.delivery.step import Step, Tried
from exporter.destinations.answer import Verdict
from exporter.paced_lines import PacedLines

log = structlog.get_logger(__name__)

_accepted = PacedLines(__name__, "delivery.attempt")
_failed = PacedLines(__name__, "delivery.attempt_failed", logging.WARNING)
_lost = PacedLines(__name__, "lease.lost", logging.WARNING)


def attempt(workspace_id: int, connector_id: int, tried: Tried) -> None:
    """One request to the destination; `next_in` are the seconds to the next attempt, where there is a wait."""
    facts: dict[str, Any] = {
        "workspace": workspace_id,
        "connector": connector_id,
        "status": tried.status,
        "events": tried.events,
        "bytes": tried.size,
        "ms": round(tried.milliseconds),
    }
    if tried.verdict == Verdict.ACCEPTED:
        _accepted.write(**facts)
        return
    next_in = None if tried.wait is None else round(tried.wait, 1)
    _failed.write(**facts, verdict=str(tried.verdict), why=tried.error or None, next_in=next_in)


def settled(lease: Lease, step: Step, stopped_before: str) -> None:
    """What one settle of a turn wrote."""
    for tried in step.tried:
        attempt(lease.workspace_id, lease.connector_id, tried)
    if lease.stopped == stopped_before:
        return
    whose = {"workspace": lease.workspace_id, "connector": lease.connector_id, "delivery": lease.delivery_id}
    if lease.stopped and step.trouble is not None:
        wait = round(step.trouble.wait, 1)
        log.error(
            "delivery.stopped", **whose, reason=lease.stopped, next="events are kept and probed", next_in=wait
        )
    elif not lease.stopped:
        log.info("delivery.resumed", **whose, reason=stopped_before, next="what was kept is delivered")


def lease_lost(workspace_id: int, connector_id: int, delivery_id: int) -> None:
    _lost.write(
        workspace=workspace_id,
        connector=connector_id,
        delivery=delivery_id,
        next="whoever holds it now goes on",
    )


def lease_taken_over(lease: Lease) -> None:
    log.warning(
        "lease.taken_over",
        workspace=lease.workspace_id,
        connector=lease.connector_id,
        delivery=lease.delivery_id,
        next="delivery goes on from the last settled event, carefully for a minute",
    )
