"""What every scenario plays on: the house, its sandbox, a person, and the counting of what arrives."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from itertools import count

import psycopg

from tests.faults.house import House
from tests.faults.judge import Arrivals, judge
from tests.faults.person import Person
from tests.faults.row import Row
from tests.faults.sandbox import Sandbox, Watcher
from tests.faults.stream import Stream, Target
from tests.faults.waiting import NotInTime, until

_runs = count(1)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What the sandbox had taken at a moment and the ledger did not know yet: events, and the requests they came in."""

    events: int
    bodies: int


class Stage:
    def __init__(self, house: House, *, short: bool) -> None:
        self.house, self.short = house, short
        self.sandbox = Sandbox(house.sandbox_port, house.sandbox_host)
        self.watcher = Watcher(self.sandbox)
        self.arrivals = Arrivals(house.ids_file)
        self.person = Person()

    def close(self) -> None:
        self.watcher.stop()
        self.person.close()

    def size(self, short: int, long: int) -> int:
        return short if self.short else long

    def target(self, *, region: str = "us", kind: str = "f") -> Target:
        """`kind` begins the ids of its events."""
        return self.person.launch(f"{kind}-{next(_runs)}-", region=region)

    # --- streams ---------------------------------------------------------------------------------------------

    def stream(
        self,
        targets: list[Target],
        *,
        events: int,
        rate: float = 2000,
        body: int = 100,
        webs: tuple[str, ...] = ("web",),
        patience: float = 20,
    ) -> Stream:
        return Stream(self.house, targets, events=events, rate=rate, body=body, webs=webs, patience=patience)

    def arrived(self, stream: Stream) -> int:
        return self.arrivals.count(stream.targets)

    def await_arrivals(self, stream: Stream, more: int = 1, seconds: float = 40) -> None:
        """Until so many more events have arrived than now."""
        before = self.arrived(stream)
        until(lambda: self.arrived(stream) >= before + more, seconds, f"{more} more events arrive")

    def await_acknowledged(self, stream: Stream, more: int = 1, seconds: float = 40) -> None:
        before = stream.look()
        until(lambda: stream.look() >= before + more, seconds, f"{more} more events are acknowledged")

    def finish(self, stream: Stream, row: Row, *, refused: Collection[int] = (), seconds: float = 90) -> Row:
        """Waits until all is acknowledged, delivered and settled, or the time is over; fills the row's figures."""
        try:
            until(stream.finished, seconds, "everything is acknowledged")
            expected = stream.sent - len(refused)
            until(lambda: self.arrived(stream) >= expected, seconds, "everything has arrived")
            until(lambda: self._settled(stream.targets), 30, "every delivery has settled all of its log")
        except NotInTime as late:
            row.troubles.append(str(late))
            stream.stop()
        row.verdict = judge(stream, self.arrivals, refused)
        return row

    def _settled(self, targets: Sequence[Target]) -> bool:
        try:
            behind = self.house.query(
                "SELECT 1 FROM exporter_delivery d JOIN exporter_eventlog l USING (workspace_id) "
                "WHERE d.id = ANY(%s) AND (d.cursor < l.next_event OR d.ahead <> '[]')",
                [target.delivery for target in targets],
            )
        except psycopg.Error:
            return False
        return not behind

    def check_ledger(self, rows: Sequence[Row]) -> None:
        done = self.house.manage("check_ledger")
        for row in rows:
            row.balanced = done.returncode == 0
            if not row.balanced:
                row.troubles.append(f"check_ledger: {(done.stdout or done.stderr).strip()[-600:]}")

    # --- looking in from outside -----------------------------------------------------------------------------

    def held(self, targets: Sequence[Target]) -> list[str]:
        """The tokens of the leases that are held on these deliveries."""
        rows = self.house.query(
            "SELECT lease_token::text FROM exporter_delivery WHERE id = ANY(%s) AND lease_token IS NOT NULL "
            "AND lease_until > clock_timestamp()",
            [target.delivery for target in targets],
        )
        return [row[0] for row in rows]

    def set_aside(self, target: Target) -> list[int]:
        """The numbers of the events that are set aside as rejected."""
        rows = self.house.query(
            "SELECT event_number FROM exporter_rejectedevent WHERE connector_id = %s ORDER BY 1",
            target.connector,
        )
        return [row[0] for row in rows]

    def unsettled(self, targets: Sequence[Target], since: float) -> Unsettled:
        """What arrived from `since` (UNIX seconds) on and is not settled. To be asked while nobody settles: after a
        kill, before the lease has run out."""
        until(self._quiet, 15, "the sandbox has taken what was on its way")
        self.arrivals.look()
        events, moments = 0, set()
        rows = self.house.query(
            "SELECT id, cursor, ahead::text FROM exporter_delivery WHERE id = ANY(%s)",
            [target.delivery for target in targets],
        )
        state = {delivery: (cursor, ahead) for delivery, cursor, ahead in rows}
        for target in targets:
            cursor, ahead = state[target.delivery]
            known = [range(piece["first"], piece["end"]) for piece in json.loads(ahead)]
            for number, at in self.arrivals.of(target).latest.items():
                if at >= since and number >= cursor and not any(number in each for each in known):
                    events += 1
                    # The calls of one request are written down with one moment.
                    moments.add((target.delivery, at))
        return Unsettled(events, len(moments))

    def _quiet(self) -> bool:
        try:
            return self.sandbox.in_flight() == 0
        except (OSError, HTTPException):
            return False
