"""A link is cut while events flow, and heals: what was lost and doubled, how long nothing arrived, and how soon all was
as before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

from currents_admin import probe
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Stream
from tests.faults.waiting import NotInTime, until
from tests.hosts.house import FAR_WEB, FAR_WORKER, Houses
from tests.hosts.network import Way

# Longer than a lease, and than the web server waits for PostgreSQL.
CUT_SECONDS = 12.0
TARGETS = 20
# Of a connector with small work one body is under way.
MOST_UNDER_WAY = 250
_BACK = """
SELECT 1 FROM exporter_heartbeat WHERE host = %s AND at > clock_timestamp() - interval '3.5 seconds'
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """`half_open`: the host's part is killed while it cannot say so, and started again after the link has healed."""

    host: str
    way: Way
    half_open: bool = False

    @property
    def name(self) -> str:
        return f"{self.host}: {'killed while ' if self.half_open else ''}{self.way.value}"


CUTS = [
    *(Cut(host, way) for host in (FAR_WORKER, FAR_WEB) for way in Way),
    *(Cut(host, Way.BOTH, half_open=True) for host in (FAR_WORKER, FAR_WEB)),
]


def play(stage: Stage, house: Houses, cut: Cut) -> Row:
    row = Row(cut.name, NOTHING)
    if cut.host == FAR_WORKER:
        house.stop("worker")
    targets = [stage.target() for _ in range(TARGETS)]
    stream = stage.stream(targets, events=2_000, rate=1_500, body=20, webs=(FAR_WEB, "web"))
    host = house.hosts[cut.host]
    try:
        stage.await_arrivals(stream, 500)
        house.network.cut(host, cut.way)
        if cut.host == FAR_WORKER:
            # Until now the far one delivered alone; from now on there is one that can take over.
            house.start("worker")
        if cut.half_open:
            house.kill(cut.host)
        _pause(CUT_SECONDS)
        house.network.heal(host)
        if cut.half_open:
            house.start(cut.host)
        row.notes.append(f"as before {_recovery(house, cut):.1f} s after the link had healed")
        row.proof = f"the link was cut for {CUT_SECONDS:g} s"
    except NotInTime as late:
        row.troubles.append(str(late))
        house.network.heal(host)
        house.revive()
    stage.finish(stream, row, seconds=120)
    row.bound, row.bound_is = TARGETS * MOST_UNDER_WAY, "a body of each connector was under way"
    row.notes.append(f"longest time without an arrival: {_gap(stage, stream):.1f} s")
    refused = stream.refused()
    if refused:
        row.notes.append(
            "sent again by the sender: " + ", ".join(f"{n} × {why}" for why, n in refused.items())
        )
    return row


def _recovery(house: Houses, cut: Cut) -> float:
    """Seconds until the host's part is seen to work again."""
    if cut.host == FAR_WORKER:
        return until(lambda: house.query(_BACK, cut.host), 60, "the worker's heartbeat is back")
    address, port = house.web_address(FAR_WEB)
    return until(
        lambda: probe.status(port, "/readyz", host=address) == 200, 60, "the web host is ready again"
    )


def _gap(stage: Stage, stream: Stream) -> float:
    """The longest time between two arrivals of the stream."""
    moments = sorted(at for target in stream.targets for at in stage.arrivals.of(target).accepted.values())
    return max((after - before for before, after in pairwise(moments)), default=0.0)


def _pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, seconds + 5, "the time of the cut")
