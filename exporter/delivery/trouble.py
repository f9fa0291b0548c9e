"""Total failure: whatever a turn meets, the bodies in flight are awaited and settled first, then the trouble is
recorded.

An exception that merely ended a turn would leave accepted bodies unsettled and no back-off on the row; the sweep would
start again every two seconds and send the same events without end.
"""

from __future__ import annotations

import random

import structlog
from django.db import DatabaseError, connection

from exporter.delivery.failure import land
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import Gone, KeyUnreadable
from exporter.delivery.settle import note_trouble, settle
from exporter.delivery.step import Step, Tried, Trouble
from exporter.delivery.turn import Turn
from exporter.destinations import backoff
from exporter.destinations.answer import OF_OURS
from exporter.log.damage import Damaged
from exporter.models import Stopped

log = structlog.get_logger(__name__)


def end_turn(turn: Turn, fault: Exception) -> Ended:
    """Waits for the bodies in flight, settles what was accepted and records `fault` with its back-off.

    Raises:
        LeaseLost, Gone: see `exporter.delivery`.
    """
    _tell(turn.lease, fault)
    try:
        if land(turn, Ended.BEHIND) == Ended.FAILED:
            return Ended.FAILED  # has its own back-off; a damage that lies further on will be met again
    except (LeaseLost, Gone):
        raise
    except Exception as another:
        _tell(turn.lease, another)
    pieces, tried = turn.unsettled
    trouble = _trouble(turn.lease, fault)
    tried = [*tried, *_attempt(turn.lease, fault)]
    # What cannot be settled in full is settled without its optional parts: better a missing figure than a repetition.
    for some, attempts in ((pieces, tried), ([piece.bare() for piece in pieces], [])):
        try:
            turn.settle(some, attempts, trouble=trouble)
        except (LeaseLost, Gone):
            raise
        except Exception as another:
            _tell(turn.lease, another)
        else:
            return Ended.FAILED
    note_trouble(turn.lease, trouble)
    return Ended.FAILED


def record(lease: Lease, fault: Exception) -> Ended:
    """Does the same when nothing is in flight.

    Raises:
        LeaseLost: see `exporter.delivery`.
    """
    _tell(lease, fault)
    trouble = _trouble(lease, fault)
    try:
        ahead = Piece.all_of(lease.ahead)
        settle(lease, Step(lease.cursor, ahead=ahead, tried=_attempt(lease, fault), trouble=trouble))
    except LeaseLost:
        raise
    except Exception as another:
        _tell(lease, another)
        note_trouble(lease, trouble)
    return Ended.FAILED


def _trouble(lease: Lease, fault: Exception) -> Trouble:
    if isinstance(fault, Damaged):
        return Trouble(backoff.PROBE_SECONDS, Stopped.LOG_DAMAGED)
    if isinstance(fault, KeyUnreadable):
        return Trouble(backoff.PROBE_SECONDS, Stopped.KEY_UNREADABLE)
    stopped = "" if lease.stopped == Stopped.LOG_DAMAGED else lease.stopped
    return Trouble(backoff.backoff(lease.failures + 1, random.random()), stopped)  # noqa: S311


def _attempt(lease: Lease, fault: Exception) -> list[Tried]:
    """A fault of ours is recorded among the attempts, so that the page can name it; one that has a state of its own is
    not."""
    if isinstance(fault, (Damaged, KeyUnreadable, DatabaseError)):
        return []
    name = f"{OF_OURS} ({type(fault).__name__})"
    return [Tried(lease.now(), None, "retry", name, 0.0, 0, 0, lease.cursor, lease.cursor, "", None)]


def _tell(lease: Lease, fault: Exception) -> None:
    whose = {"workspace": lease.workspace_id, "connector": lease.connector_id, "delivery": lease.delivery_id}
    if isinstance(fault, Damaged):
        log.critical("delivery.damaged_log", **whose, what=str(fault), next="see docs/reliability.md")
    elif isinstance(fault, KeyUnreadable):
        log.error("delivery.key_unreadable", **whose, next="doctor tells which encryption key is missing")
    elif isinstance(fault, DatabaseError):
        log.warning("delivery.turn_failed", **whose, exc_info=fault)
        connection.close()
    else:
        log.error("delivery.turn_failed", **whose, exc_info=fault)
