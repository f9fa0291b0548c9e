"""Judging a stream from outside the pipeline: what the sender noted against what the sandbox wrote down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.stream import Stream, Tail, Target


@dataclass(slots=True)
class Arrived:
    """Of one target's events, in UNIX seconds: when each was accepted first, when it came latest, and every time one
    came again."""

    accepted: dict[int, float] = field(default_factory=dict)
    latest: dict[int, float] = field(default_factory=dict)
    again: list[float] = field(default_factory=list)


class Arrivals:
    """The sandbox's file of message ids, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._tail = Tail(path)
        self._by_prefix: defaultdict[str, Arrived] = defaultdict(Arrived)

    def look(self) -> None:
        for line in self._tail.lines():
            at, status, message_id = line.split(" ", 2)
            prefix, dash, number = message_id.rpartition("-")
            arrived = self._by_prefix[prefix + dash]
            arrived.latest[int(number)] = float(at)
            # A second acceptance of the same id would be doubled too, whatever the sandbox calls it.
            if status == "accepted" and int(number) not in arrived.accepted:
                arrived.accepted[int(number)] = float(at)
            else:
                arrived.again.append(float(at))

    def of(self, target: Target) -> Arrived:
        return self._by_prefix[target.prefix]

    def count(self, targets: Collection[Target]) -> int:
        """How many different events of these have arrived, as of now."""
        self.look()
        return sum(len(self.of(target).accepted) for target in targets)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`lost`: acknowledged, not accepted by the sandbox and not refused by it for good; `delays` in seconds from the
    acknowledgement to the arrival, in order."""

    sent: int
    acknowledged: int
    delivered: int
    lost: int
    doubled: int
    delays: list[float]

    @property
    def longest(self) -> float:
        return self.delays[-1] if self.delays else 0.0


def judge(stream: Stream, arrivals: Arrivals, refused: Collection[int] = ()) -> Verdict:
    """`refused` are numbers that the sandbox was told to refuse for good."""
    stream.look()
    arrivals.look()
    delivered = lost = doubled = 0
    delays: list[float] = []
    for target, acknowledged in zip(stream.targets, stream.acknowledged, strict=True):
        arrived = arrivals.of(target)
        delivered += len(arrived.accepted)
        doubled += len(arrived.again)
        lost += sum(number not in arrived.accepted and number not in refused for number in acknowledged)
        delays += [
            max(0.0, arrived.accepted[number] - at)
            for number, at in acknowledged.items()
            if number in arrived.accepted
        ]
    acknowledged_count = sum(map(len, stream.acknowledged))
    return Verdict(stream.sent, acknowledged_count, delivered, lost, doubled, sorted(delays))
