"""A running stream of events: the sender's process, and what it has noted so far."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from currents_admin.supervisor.part import Part
from tests.faults.house import House
from tests.faults.waiting import NotInTime


@dataclass(frozen=True, slots=True)
class Target:
    """A workspace with one connector, and the ids of its events: `<prefix><n>`. Its log and its delivery begin at 0
    and bodies come in order, so an event's number in the log is its n."""

    prefix: str
    token: str
    write_key: str
    workspace: int
    connector: int
    delivery: int

    @property
    def key4(self) -> str:
        return self.write_key[-4:]


class Tail:
    """The whole lines that were added to a file since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def lines(self) -> list[str]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode().splitlines()


class Stream:
    """`events` for each target, at `rate` events a second over all (0: as fast as they are taken); an answer is awaited
    for `patience` seconds before the body is sent again, to the next of `webs`."""

    def __init__(
        self,
        house: House,
        targets: list[Target],
        *,
        events: int,
        rate: float,
        body: int = 100,
        webs: tuple[str, ...] = ("web",),
        patience: float = 20,
    ) -> None:
        self.targets, self.events = targets, events
        base = house.records / targets[0].prefix.strip("-")
        self._notes, self._refusals = Tail(base.with_suffix(".notes")), Tail(base.with_suffix(".refusals"))
        specification = {
            "addresses": [house.web_address(name) for name in webs],
            "targets": [asdict(target) for target in targets],
            "events": events,
            "rate": rate,
            "body": body,
            "patience": patience,
            "notes": str(self._notes.path),
            "refusals": str(self._refusals.path),
        }
        path = base.with_suffix(".json")
        path.write_text(json.dumps(specification))
        # When each event of a target was acknowledged, in UNIX seconds.
        self.acknowledged: list[dict[int, float]] = [{} for _target in targets]
        self._refused: Counter[str] = Counter()
        self._part = Part(
            "sender",
            [sys.executable, "-m", "tests.faults.sender", str(path)],
            house.records / "sender.log",
        )
        self._part.start()

    @property
    def sent(self) -> int:
        return self.events * len(self.targets)

    def look(self) -> int:
        """Reads the notes; answers how many events are acknowledged so far."""
        for line in self._notes.lines():
            at, target, first, end = line.split()
            noted = self.acknowledged[int(target)]
            noted.update((number, float(at)) for number in range(int(first), int(end)))
        return sum(map(len, self.acknowledged))

    def refused(self) -> Counter[str]:
        """How often a body was not acknowledged, by the reason."""
        self._refused.update(line.split(" ", 1)[1] for line in self._refusals.lines())
        return self._refused

    def finished(self) -> bool:
        """Whether everything is acknowledged.

        Raises:
            NotInTime: the sender ended before.
        """
        if self._part.alive():
            return False
        self.look()
        process = self._part.process
        if process is None or process.returncode:
            raise NotInTime(f"the sender ended ({self._part.how_it_ended()}); see {self._part.log}")
        return True

    def stop(self) -> None:
        self._part.ask_to_stop()
        if self._part.process is not None:
            self._part.process.wait(10)
