"""Taking a failed body apart until the one bad event stands alone.

Requests go one at a time, left half before right, and each accepted piece is settled at once. The last single event is
a *suspect*. It becomes rejected only if a neighbour in the same halving was accepted under the same revision; suspects
turned down before that neighbour are tried once more first, because the connection may have recovered in between.
Otherwise the connection is at fault, not the events (Segment also answers 400 to a malformed key): nothing is rejected
and the connector stops.

What is tried first depends on the answer (`_Rule`). After a 400 the body is halved at once. A 401, 403 or 5xx is much
more likely the connection's fault: the body's first and last event are sent alone, and if both fail as well, nothing
more is tried. That is how a firewall that dislikes one event's text is told from a rejected key.

A 5xx may come from a destination that flaps. A suspect is then rejected only if all failures and acceptances fit one
explanation (every failed piece holds a suspect), and only after it failed alone five more times, a second apart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.delivery import key_refusal
from exporter.delivery.body import Body
from exporter.delivery.in_flight import Sent
from exporter.delivery.lease import Interrupted, LeaseLost
from exporter.delivery.piece import Piece
from exporter.delivery.result import Ended
from exporter.delivery.step import Trouble
from exporter.delivery.turn import Turn
from exporter.destinations import backoff, rejection_reasons
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import Limits
from exporter.dispatch.shutdown import stopping
from exporter.models import Stopped

# So many single events turned down in a row are not the events' fault.
MOST_SUSPECTS = 20
# How often, and how far apart, a suspect is tried again if the destination may only be flapping.
MORE_ASKS = 5
ASK_APART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Rule:
    """`enough` suspects without an accepted neighbour put the blame on the connection, which is then `stopped` (empty:
    it waits). `ends_first`: the first and the last event are tried before the body is halved. `may_flap`: see above."""

    stopped: str
    enough: int
    ends_first: bool
    may_flap: bool = False


_RULES = {
    Verdict.REFUSED_BODY: _Rule(Stopped.REQUEST_REFUSED, MOST_SUSPECTS, ends_first=False),
    Verdict.KEY_REJECTED: _Rule(Stopped.KEY_REJECTED, 2, ends_first=True),
    Verdict.REQUEST_REFUSED: _Rule(Stopped.REQUEST_REFUSED, 2, ends_first=True),
    Verdict.RETRY: _Rule("", 2, ends_first=True, may_flap=True),
}


class Halving:
    """`ended` holds how it ended once `run` has returned None."""

    def __init__(self, turn: Turn, refused: Sent) -> None:
        self.turn = turn
        self.refused = refused
        self.kind = refused.verdict()
        self.rule = _RULES[self.kind]
        # The last failed answer; it says how long to wait.
        self.last = refused
        self.suspects: list[tuple[Body, str]] = []
        self.refused_pieces: list[Body] = []
        self.accepted = False
        self.ended = Ended.BEHIND
        self.cut = False

    def run(self) -> Sent | None:
        """Takes the body apart; returns an answer that neither accepts nor rejects a piece."""
        bodies = self._first_pieces()
        alone = not bodies
        while bodies:
            body = bodies.pop(0)
            sent = self._send(body)
            if sent is None:
                return None
            if sent.verdict() == Verdict.ACCEPTED:
                stray = self._accept(sent)
                if stray is not None or self.cut:
                    return stray
            elif not self._is_refusal(sent):
                return sent
            else:
                bodies[:0] = self._refuse(sent)
            if len(self.suspects) >= (MOST_SUSPECTS if self.accepted else self.rule.enough):
                break
        return self._conclude(alone)

    def _first_pieces(self) -> list[Body]:
        """What is tried first; nothing if a lone event has no neighbour to be judged by."""
        body = self.refused.body
        if len(body.calls) > 1:
            return self._ends(body) if self.rule.ends_first else self._halves(body)
        if not self.rule.ends_first:
            return []
        self.suspects.append((body, rejection_reasons.answered(self.refused.answer())))
        neighbour = next_deliverable(self.turn, body)
        return [neighbour] if neighbour is not None else []

    def _is_refusal(self, sent: Sent) -> bool:
        if self.rule.may_flap:
            return is_server_error(sent)
        return sent.verdict() in (self.kind, Verdict.REFUSED_BODY)

    def _refuse(self, sent: Sent) -> list[Body]:
        """Records a failed piece and returns what to try in its place."""
        self.last = sent
        self.turn.settle([], [sent.tried()])
        if len(sent.body.calls) > 1:
            self.refused_pieces.append(sent.body)
            return self._halves(sent.body)
        self.suspects.append((sent.body, rejection_reasons.answered(sent.answer())))
        return []

    def _ends(self, body: Body) -> list[Body]:
        """The first event alone, the last alone, and everything in between."""
        numbers = body.numbers
        parts = [(body.first, numbers[1]), (numbers[-1], body.end)]
        if len(numbers) > 2:
            parts.append((numbers[1], numbers[-1]))
        return [self.turn.reader.make(first, end, Limits()) for first, end in parts]

    def _halves(self, body: Body) -> list[Body]:
        """Both halves, read again: the log keeps what a delivery has not passed."""
        middle = body.numbers[len(body.numbers) // 2]
        make = self.turn.reader.make
        return [make(body.first, middle, Limits()), make(middle, body.end, Limits())]

    def _send(self, body: Body) -> Sent | None:
        """The answered request; None if the settings changed, the lease ended or the process is stopping."""
        turn = self.turn
        if stopping.is_set() or not (turn.lease.may_send or turn.lease.renew()) or turn.stale():
            return None
        turn.line.launch(body, turn.current)
        turn.await_answers()
        (sent,), turn.done = turn.done, []
        return sent

    def _accept(self, sent: Sent) -> Sent | None:
        """An accepted neighbour clears the connection: suspects that fail again now are at fault themselves."""
        self.accepted = True
        self.turn.settle([Piece.of(sent.body, sent.ended)], [sent.tried()])
        while self.suspects and not self.rule.may_flap:
            again = self._ask_again(self.suspects[0][0])
            if again is not None or self.cut:
                return again
            self.suspects.pop(0)
        return None

    def _ask_again(self, body: Body) -> Sent | None:
        """Settles a suspect as accepted or rejected; returns an answer that is neither."""
        again = self._send(body)
        if again is None:
            self.cut = True
        elif again.verdict() == Verdict.ACCEPTED:
            self.turn.settle([Piece.of(again.body, again.ended)], [again.tried()])
        elif self._is_refusal(again):
            self.turn.settle(
                [self._rejected(body, rejection_reasons.answered(again.answer()))], [again.tried()]
            )
        else:
            return again
        return None

    def _conclude(self, alone: bool) -> Sent | None:
        if self.accepted and len(self.suspects) < MOST_SUSPECTS:
            if not self.rule.may_flap:
                self._reject(self.suspects)
                return None
            if self._fits_one_explanation():
                return self._reject_what_stays_bad()
        if alone or self.suspects:
            self._blame_the_connection(alone)
        return None

    def _fits_one_explanation(self) -> bool:
        """Whether every failed piece holds a suspect; one whose parts were all accepted afterwards does not."""
        return all(
            any(piece.first <= suspect.first < piece.end for suspect, _reason_given in self.suspects)
            for piece in self.refused_pieces
        )

    def _reject_what_stays_bad(self) -> Sent | None:
        for body, reason in self.suspects:
            for _ in range(MORE_ASKS):
                stopping.wait(ASK_APART_SECONDS)
                again = self._send(body)
                if again is None:
                    return None
                if again.verdict() == Verdict.ACCEPTED:
                    self.turn.settle([Piece.of(again.body, again.ended)], [again.tried()])
                    break
                if not self._is_refusal(again):
                    return again
                self.turn.settle([], [again.tried()])
            else:
                self._reject([(body, reason)])
        return None

    def _blame_the_connection(self, alone: bool) -> None:
        """Keeps everything: a lone event waits for a neighbour to be judged by."""
        if self.kind == Verdict.KEY_REJECTED:
            key_refusal.note(self.turn.lease.connector_id, self.refused.current.write_key_id)
        now = datetime.now(UTC)
        wait = backoff.wait(self.last.answer(), self.turn.lease.failures + 1, now, random.random())  # noqa: S311
        wait = wait or backoff.PROBE_SECONDS
        self.turn.settle([], [], trouble=Trouble(wait, self.rule.stopped, alone and bool(self.rule.stopped)))
        self.ended = Ended.FAILED

    def _reject(self, suspects: list[tuple[Body, str]]) -> None:
        pieces = [self._rejected(body, reason) for body, reason in suspects]
        if pieces:
            self.turn.settle(pieces, [])

    def _rejected(self, body: Body, reason: str) -> Piece:
        return Piece.of(body.rejected(reason), self.turn.lease.now())


def next_deliverable(turn: Turn, body: Body) -> Body | None:
    """The next waiting event after `body`, alone, with whatever is not sent before it."""
    turn.next = body.end
    stop = turn.first_hole()
    found = turn.reader.make(turn.next, stop, Limits(events=1))
    look_further(turn, found, stop, Limits(events=1), calls=1)
    return found if found.calls else None


def look_further(turn: Turn, body: Body, stop: int | None, limits: Limits, calls: int) -> None:
    """Extends a body until it has so many calls, however many events lie between of which none is sent: a neighbour to
    be judged by counts as missing only where there is none.

    Whoever is woken before its time looks no further: each event that comes wakes it, and would have all that waits
    read again. The probe that is due does.

    Raises:
        LeaseLost: another worker has it now.
        Interrupted: the process is stopping, so that nothing is known of a neighbour.
    """
    before = -1
    while len(body.calls) < calls and body.end > before and not turn.lease.early:
        if stopping.is_set():
            raise Interrupted
        if not (turn.lease.may_send or turn.lease.renew()):
            raise LeaseLost
        before, body.full = body.end, False
        turn.reader.extend(body, stop, limits)


def is_server_error(sent: Sent) -> bool:
    """Whether Segment answered 5xx. Without an answer the event may have been accepted, so it is not suspected."""
    return sent.verdict() == Verdict.RETRY and (sent.answer().status or 0) >= 500
