"""A link is cut while events flow, and heals: what was lost and doubled, how long nothing arrived, and how soon all was
as before."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain, pairwise

from exporter.delivery.lanes.claim import MOST_EVENTS
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Stream
from tests.faults.waiting import NotInTime, until
from tests.hosts.house import SERVICES, WEBS, WORKERS, Houses
from tests.hosts.network import Way

# Longer than a lease, and than the web server waits for PostgreSQL.
CUT_SECONDS = 12.0
TARGETS = 20
# Within this time others go on in its place; and once a link has healed, all is as before. Without Redis the workers
# look for work themselves: half a cut is enough for that.
GOES_ON_SECONDS, AT_HOME_SECONDS = 15.0, 6.0
_BACK = """
SELECT 1 FROM exporter_heartbeat WHERE host = %s AND at > clock_timestamp() - interval '3.5 seconds'
"""
_CURSORS = "SELECT id, cursor FROM exporter_delivery WHERE id = ANY(%s)"
_UNANSWERED = """
SELECT coalesce(sum(events), 0)::int FROM exporter_attempt WHERE delivery_id = ANY(%s) AND status IS NULL
"""


class Ends(Enum):
    """How a cut ends."""

    HEALED = ""
    KILLED = "killed while "
    HALF_OPEN = "connections are half-open: "


@dataclass(frozen=True, slots=True)
class Cut:
    """KILLED: the host's part is killed while it cannot say so, and started again after the link has healed. HALF_OPEN:
    what is open stays dead and silent to the end; who connects anew gets through."""

    host: str
    way: Way
    ends: Ends = Ends.HEALED

    @property
    def name(self) -> str:
        return f"{self.host}: {self.ends.value}{self.way.value}"


CUTS = [
    *(Cut(host, way) for host in (WORKERS[0], WEBS[0], *SERVICES) for way in Way),
    Cut(WORKERS[0], Way.BOTH, Ends.KILLED),
    Cut(WEBS[0], Way.BOTH, Ends.KILLED),
    Cut("postgres", Way.IN, Ends.HALF_OPEN),
]


def play(stage: Stage, house: Houses, cut: Cut) -> Row:
    row = Row(cut.name, NOTHING)
    targets = [stage.target() for _ in range(TARGETS)]
    # Braze waits some seconds for an answer and comes again.
    stream = stage.stream(targets, events=2_000, rate=1_500, body=20, webs=WEBS, patience=5)
    cursors: dict[int, int] = {}
    cut_at = healed_at = 0.0
    try:
        stage.await_arrivals(stream, 500)
        cursors = dict(house.query(_CURSORS, [target.delivery for target in targets]))
        _cut(house, cut)
        cut_at = time.time()
        _pause(CUT_SECONDS)
        if cut.ends is not Ends.HALF_OPEN:
            house.network.heal(house.hosts[cut.host])
        healed_at = time.time()
        if cut.ends is Ends.KILLED:
            house.start(cut.host)
        seconds = _recovery(stage, house, cut, stream, healed_at)
        if cut.ends is Ends.HALF_OPEN:
            row.proof = "what was open stayed dead to the end"
        else:
            row.notes.append(f"as before {seconds:.1f} s after the link had healed")
            row.proof = f"the link was cut for {CUT_SECONDS:g} s"
    except NotInTime as late:
        row.troubles.append(str(late))
        house.network.heal(house.hosts[cut.host])
        house.revive()
    stage.finish(stream, row, seconds=120)
    house.network.heal(house.hosts[cut.host])
    _allow(stage, house, cut, row, stream, _under_way(stream, cursors, cut_at))
    _tell_gap(stage, cut, row, stream)
    if refused := stream.refused():
        told = ", ".join(f"{number} × {why}" for why, number in refused.items())
        row.notes.append(f"sent again by the sender: {told}")
    return row


def _cut(house: Houses, cut: Cut) -> None:
    host = house.hosts[cut.host]
    if cut.ends is Ends.HALF_OPEN:
        house.network.half_open(host)
        return
    house.network.cut(host, cut.way)
    if cut.ends is Ends.KILLED:
        house.kill(cut.host)


def _under_way(stream: Stream, cursors: dict[int, int], at: float) -> int:
    """The most events that could be on their way at that moment: of each connector one body of what was acknowledged
    and not settled."""
    stream.look()
    waiting = (
        sum(moment <= at for moment in acknowledged.values()) - cursors.get(target.delivery, 0)
        for target, acknowledged in zip(stream.targets, stream.acknowledged, strict=True)
    )
    return sum(min(MOST_EVENTS, max(0, each)) for each in waiting)


def _allow(stage: Stage, house: Houses, cut: Cut, row: Row, stream: Stream, under_way: int) -> None:
    """What may be doubled: what was sent when the sender of events, the ledger or the answer was cut off."""
    if cut.host == "sandbox":
        deliveries = [target.delivery for target in stream.targets]
        row.bound = house.query(_UNANSWERED, deliveries)[0][0]
        row.bound_is = "what was sent and never answered"
    elif cut.host in (*WORKERS, "postgres"):
        row.bound, row.bound_is = under_way, "what was acknowledged and not settled at the cut"


def _tell_gap(stage: Stage, cut: Cut, row: Row, stream: Stream) -> None:
    """The longest time without an arrival: of all connectors together where a way in is cut, as the sender talks to one
    host at a time; of each where what delivers is cut."""
    arrivals = [sorted(stage.arrivals.of(target).accepted.values()) for target in stream.targets]
    if cut.host in WEBS:
        arrivals = [sorted(chain.from_iterable(arrivals))]
    gap = max((after - before for each in arrivals for before, after in pairwise(each)), default=0.0)
    row.notes.append(f"longest time without an arrival: {gap:.1f} s")
    if gap > _goes_on_within(cut):
        row.troubles.append(f"nothing arrived for {gap:.1f} s, though others could go on")


def _goes_on_within(cut: Cut) -> float:
    """Seconds; endless where nobody can go on."""
    if cut.host == "redis":
        return AT_HOME_SECONDS
    return GOES_ON_SECONDS if cut.host not in SERVICES or cut.ends is Ends.HALF_OPEN else math.inf


def _recovery(stage: Stage, house: Houses, cut: Cut, stream: Stream, healed_at: float) -> float:
    """Seconds until the host's part is seen to work again; of a service, until events arrive again."""
    # A process that starts takes its time on a busy machine.
    seconds = 60.0 if cut.ends is Ends.KILLED else GOES_ON_SECONDS
    if cut.host in WORKERS:
        return until(lambda: house.query(_BACK, cut.host), seconds, "the worker's heartbeat is back")
    if cut.host in WEBS:
        return until(lambda: house.status(cut.host, "/readyz") == 200, seconds, "the web is ready again")
    return until(lambda: _arrived_since(stage, stream, healed_at), seconds, "events arrive again")


def _arrived_since(stage: Stage, stream: Stream, moment: float) -> bool:
    stage.arrivals.look()
    latest: Sequence[float] = [
        max(stage.arrivals.of(target).accepted.values(), default=0.0) for target in stream.targets
    ]
    return max(latest) > moment


def _pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, seconds + 5, "the time of the cut")
