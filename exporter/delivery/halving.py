"""Halving a refused body until the one bad event stands alone.

Left half first, one request at a time, each accepted piece settled at once. The last single event is a *suspect*. It
becomes rejected only if a neighbour in the same halving was accepted under the same revision; suspects refused
before that neighbour are asked once more first, because the connection may have healed in between. Otherwise it is
the connection, not the events (Segment answers 400 to a malformed key, too): nothing is rejected, the connector
stops.
"""

from __future__ import annotations

from exporter.delivery.body import Body
from exporter.delivery.in_flight import Sent
from exporter.delivery.piece import Piece
from exporter.delivery.settle import Trouble
from exporter.delivery.turn import Turn
from exporter.destinations import backoff
from exporter.destinations.answer import Verdict
from exporter.destinations.packing import Limits
from exporter.dispatch.shutdown import stopping
from exporter.models import Stopped

# So many single events refused in a row: it is not the events.
MOST_SUSPECTS = 20


class Halving:
    """`word` tells how it ended once `run` has answered None."""

    def __init__(self, turn: Turn, refused: Sent) -> None:
        self.turn = turn
        self.refused = refused
        self.suspects: list[tuple[Body, str]] = []
        self.accepted = False
        self.word = "behind"

    def run(self) -> Sent | None:
        """Takes the body apart; an answer of another kind than accepted or refused is handed back."""
        alone = len(self.refused.body.calls) == 1
        bodies = [] if alone else self._halves(self.refused.body)
        while bodies:
            body = bodies.pop(0)
            sent = self._send(body)
            if sent is None:
                return None
            verdict = sent.verdict()
            if verdict == Verdict.ACCEPTED:
                stray = self._accept(sent)
                if stray is not None or self.word == "cut":
                    return stray
            elif verdict != Verdict.REFUSED_BODY:
                return sent
            else:
                self.turn.settle([], [sent.tried()])
                if len(body.calls) > 1:
                    bodies[:0] = self._halves(body)
                else:
                    self.suspects.append((body, _reason(sent)))
            if len(self.suspects) >= MOST_SUSPECTS:
                break
        self._conclude(alone)
        return None

    def _conclude(self, alone: bool) -> None:
        if self.accepted and len(self.suspects) < MOST_SUSPECTS:
            self._reject_suspects()
        elif alone or self.suspects:
            # Everything is kept. A lone event waits for a neighbour to be judged by.
            trouble = Trouble(backoff.PROBE_SECONDS, Stopped.REQUEST_REFUSED, alone)
            self.turn.settle([], [], trouble=trouble)
            self.word = "failed"

    def _halves(self, body: Body) -> list[Body]:
        """Both halves, made anew: the log keeps what a delivery has not passed."""
        middle = body.numbers[len(body.numbers) // 2]
        make = self.turn.reader.make
        return [make(body.first, middle, Limits()), make(middle, body.end, Limits())]

    def _send(self, body: Body) -> Sent | None:
        """The answered request, or None where the settings changed, the lease ended or the process stops."""
        turn = self.turn
        if stopping.is_set() or not (turn.lease.may_send or turn.lease.renew()) or turn.stale():
            return None
        turn.line.launch(body, turn.current)
        turn.await_answers()
        (sent,), turn.done = turn.done, []
        return sent

    def _accept(self, sent: Sent) -> Sent | None:
        """An accepted neighbour clears the connection: suspects refused again now are at fault themselves."""
        self.accepted = True
        self.turn.settle([Piece.of(sent.body, sent.ended)], [sent.tried()])
        for body, _reason_before in self.suspects[:]:
            again = self._send(body)
            if again is None:
                self.word = "cut"
                return None
            if again.verdict() == Verdict.ACCEPTED:
                self.turn.settle([Piece.of(again.body, again.ended)], [again.tried()])
            elif again.verdict() == Verdict.REFUSED_BODY:
                self.turn.settle([self._rejected(body, _reason(again))], [again.tried()])
            else:
                return again
            self.suspects.pop(0)
        return None

    def _reject_suspects(self) -> None:
        pieces = [self._rejected(body, reason) for body, reason in self.suspects]
        if pieces:
            self.turn.settle(pieces, [])

    def _rejected(self, body: Body, reason: str) -> Piece:
        return Piece.of(body.rejected(reason), self.turn.lease.now())


def _reason(sent: Sent) -> str:
    answer = sent.answer()
    said = answer.body[:300].decode(errors="replace").replace("\0", "").strip()
    return f"Segment answered {answer.status} to this event alone: {said or 'without a reason'}"
