"""What a failed answer means for the delivery: wait, stop, take the body apart, or go on with another key."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TypeVar

from exporter.delivery import key_refusal
from exporter.delivery.halving import Halving, is_server_error
from exporter.delivery.in_flight import Sent
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.settings_in_force import KeyUnreadable
from exporter.delivery.step import Trouble
from exporter.delivery.turn import Turn
from exporter.destinations import backoff
from exporter.destinations.answer import Verdict
from exporter.models import Stopped

_STOPS = {Verdict.KEY_REJECTED: Stopped.KEY_REJECTED, Verdict.REQUEST_REFUSED: Stopped.REQUEST_REFUSED}

# Failures in a row before a single event is suspected of causing them.
SUSPECT_AFTER = 3

# None: the turn may go on.
SoFar = TypeVar("SoFar", Ended, None)


def land(turn: Turn, ended: SoFar) -> Ended | SoFar:
    """Ends a turn: waits for the bodies in flight, settles what was accepted and acts on the first failure.

    `ended` is the result of the turn so far; it is returned unless there is a failure.
    """
    turn.await_answers()
    done, turn.done = turn.done, []
    accepted = [sent for sent in done if sent.verdict() == Verdict.ACCEPTED]
    failed = next((sent for sent in done if sent.verdict() != Verdict.ACCEPTED), None)
    pieces = [Piece.of(sent.body, sent.ended) for sent in accepted]
    if failed is not None:
        return _fail(turn, failed, done, pieces)
    if done:
        turn.settle(pieces, [sent.tried() for sent in accepted])
    return ended


def _fail(turn: Turn, failed: Sent, done: list[Sent], pieces: list[Piece]) -> Ended:
    verdict = failed.verdict()
    if verdict == Verdict.KEY_REJECTED and _key_replaced(turn, failed):
        # No neighbour can be asked with the old key any more; that it was refused is all that is known of it.
        key_refusal.note(turn.lease.connector_id, failed.current.write_key_id)
        turn.settle(pieces, [sent.tried() for sent in done])
        return Ended.BEHIND
    if _is_told_apart(turn, failed, done):
        turn.settle(pieces, [sent.tried() for sent in done], small=failed.answer().status == 413)
        halving = Halving(turn, failed)
        stray = halving.run()
        return _fail(turn, stray, [stray], []) if stray is not None else halving.ended
    if verdict == Verdict.KEY_REJECTED:
        key_refusal.note(turn.lease.connector_id, failed.current.write_key_id)
    # All failures of one window count as one.
    wait = backoff.wait(failed.answer(), turn.lease.failures + 1, datetime.now(UTC), random.random())  # noqa: S311
    stopped = _STOPS.get(verdict, "" if pieces else turn.lease.stopped)
    tried = [sent.tried(wait if sent is failed else None) for sent in done]
    turn.settle(pieces, tried, trouble=Trouble(wait, stopped))
    return Ended.FAILED


def _is_told_apart(turn: Turn, failed: Sent, done: list[Sent]) -> bool:
    """Whether single events are to be tried before the connection is blamed. Two bodies rejected at the same time are
    evidence enough against it; a failing destination gets its back-off first, and is suspected only every third
    time."""
    verdict = failed.verdict()
    if verdict == Verdict.REFUSED_BODY:
        return True
    if verdict in _STOPS:
        return sum(sent.verdict() == verdict for sent in done) == 1
    failures = turn.lease.failures
    return is_server_error(failed) and failures > 0 and failures % SUSPECT_AFTER == 0


def _key_replaced(turn: Turn, failed: Sent) -> bool:
    """Whether the key was switched meanwhile: an answer to the old one says nothing about the new one."""
    try:
        turn.read_revision()
    except KeyUnreadable:
        return True
    return (turn.current.write_key_id, turn.current.endpoint) != (
        failed.current.write_key_id,
        failed.current.endpoint,
    )
