"""Bodies in flight: launches them, waits for them and collects their answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.delivery.body import Body
from exporter.delivery.lease import Lease
from exporter.delivery.settings_in_force import Current
from exporter.delivery.step import Tried
from exporter.destinations import answer as retry
from exporter.destinations import packing, scrub, sender
from exporter.destinations.answer import Answer, Verdict


@dataclass(slots=True)
class Sent:
    """A body that has been sent, with its answer once there is one."""

    body: Body
    current: Current
    flight: sender.Flight
    at: float
    ended: float = 0.0

    def answer(self) -> Answer:
        return self.flight.answer()

    def verdict(self) -> Verdict:
        return retry.classify(self.answer())

    def tried(self, wait: float | None = None) -> Tried:
        """The attempt as it is recorded; `wait` seconds until the next one, if there is a wait."""
        answer, verdict = self.answer(), self.verdict()
        accepted = verdict == Verdict.ACCEPTED
        excerpt = "" if accepted else scrub.kept(answer.headers, answer.body, self.current.authorization)
        return Tried(
            self.at,
            answer.status,
            verdict,
            answer.error,
            answer.milliseconds,
            len(self.body.calls),
            packing.ENVELOPE + self.body.size,
            self.body.numbers[0],
            self.body.numbers[-1],
            excerpt,
            wait,
        )


class InFlight:
    """The bodies of one turn that are in flight, in order of their numbers."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.flying: list[Sent] = []
        self._landed = threading.Event()

    def launch(self, body: Body, current: Current) -> Sent:
        def wrapped() -> bytes:
            return packing.wrap(body.calls, datetime.fromtimestamp(self.lease.now(), UTC))

        at = self.lease.now()
        flight = sender.launch(current.endpoint, current.authorization, wrapped, self._landed.set)
        sent = Sent(body, current, flight, at)
        self.flying.append(sent)
        return sent

    def wait(self, seconds: float) -> None:
        """Waits until an answer has arrived, at most so long. Cuts requests that are past their deadline."""
        self._landed.wait(max(0.0, seconds))
        self._landed.clear()
        for sent in self.flying:
            if sent.flight.overdue:
                sent.flight.cut()

    def landed(self) -> list[Sent]:
        """Removes and returns the answered ones, in order of numbers."""
        done = [sent for sent in self.flying if sent.flight.done]
        for sent in done:
            self.flying.remove(sent)
            sent.ended = self.lease.now()
        return done

    def cut(self) -> None:
        for sent in self.flying:
            sent.flight.cut()
