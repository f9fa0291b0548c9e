"""Probing a destination that rejected us: one small request before anything else is sent."""

from __future__ import annotations

from exporter.delivery.body import Body
from exporter.delivery.failure import land
from exporter.delivery.halving import look_further, next_deliverable
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.turn import Turn
from exporter.models import Stopped

# After a rejected body the first event is sent with up to nine more, so that a bad one can be told apart.
NEIGHBOURS = 10


def probe(turn: Turn) -> Ended | None:
    """None if the probe was accepted and the turn may go on."""
    refused = turn.lease.stopped == Stopped.REQUEST_REFUSED
    body = _first_deliverable(turn, NEIGHBOURS if refused else 1)
    if body is None:
        return Ended.IDLE
    if turn.lease.early and len(body.calls) < 2 and next_deliverable(turn, body) is None:
        return Ended.HELD  # woken before its time, and there is no neighbour yet to judge the lone event by
    if turn.stale():
        return Ended.BEHIND
    turn.next = body.end
    turn.line.launch(body, turn.current)
    return land(turn, None)


def _first_deliverable(turn: Turn, events: int) -> Body | None:
    """The first body with a call; whatever is skipped before it is settled on the way."""
    while True:
        stop = turn.first_hole()
        body = turn.reader.make(turn.next, stop, turn.limits(events))
        if body.end == body.first:
            return None
        if body.calls:
            look_further(turn, body, stop, turn.limits(events), calls=min(events, 2))
            return body
        turn.settle([Piece.of(body, turn.lease.now())], [])
        turn.next = body.end
