"""Many connectors with a few single events each: workers killed, and a fifth of the destinations that never answer."""

from __future__ import annotations

import time

from tests.faults.neighbours import delays, together
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.waiting import NotInTime, until

APART = 3.0
RATE = 300.0


def workers_killed(stage: Stage) -> list[Row]:
    """A steady stream of single events; the worker is killed again and again and starts anew at once."""
    connectors, kills = stage.size(100, 2_000), stage.size(3, 10)
    row = Row(f"{connectors:,} connectors with single events, worker SIGKILL ×{kills}", NOTHING)
    targets = [stage.target() for _place in range(connectors)]
    seconds = (kills + 2) * (APART + 1.0)
    stream = stage.stream(targets, events=max(2, round(RATE * seconds / connectors)), rate=RATE, body=1)
    pids, told, since = [], [], 0.0
    try:
        for _number in range(kills):
            stage.await_arrivals(stream, 50)
            struck, at = time.monotonic(), time.time()
            pids.append(stage.house.kill("worker"))
            unsettled = stage.unsettled(targets, since)
            stage.house.start("worker")
            row.bound += unsettled.events
            told.append(str(unsettled.events))
            since = at
            until(lambda struck=struck: time.monotonic() - struck > APART, 10, "the next kill")  # type: ignore[misc]
    except NotInTime as late:
        row.troubles.append(str(late))
        stage.house.revive()
    stage.finish(stream, row, seconds=600)
    row.bound_is = "one small body a connector: what was sent and not settled at the kills"
    if len(set(pids)) == kills:
        row.proof = "worker processes " + "→".join(map(str, pids))
    row.notes.append(f"events sent and not settled at each kill: {', '.join(told)}; {delays(row.verdict)}")
    return [row]


def a_fifth_hangs(stage: Stage) -> list[Row]:
    """The hanging ones have an event each before the others begin, so that they are asked all the time."""
    healthy_count, hanging_count = stage.size(80, 400), stage.size(20, 100)
    row = Row(f"{healthy_count + hanging_count} connectors, {hanging_count} never get an answer", NOTHING)
    healthy = [stage.target() for _place in range(healthy_count)]
    hanging = [stage.target(kind="hang") for _place in range(hanging_count)]
    rule = stage.sandbox.add(hang=True, match={"message_id_prefix": "hang-"})
    sick = stage.stream(hanging, events=1, rate=0, body=1)
    try:
        until(lambda: stage.sandbox.uses(rule) >= hanging_count // 2, 60, "requests hang")
    except NotInTime as late:
        row.troubles.append(str(late))
    stream = stage.stream(healthy, events=stage.size(10, 4), rate=50, body=1)
    stage.finish(stream, row)
    healthy_verdict, hung = row.verdict, stage.sandbox.uses(rule)
    if not stage.arrivals.count(hanging):
        row.proof = f"{hung} requests never got an answer"
    stage.sandbox.heal()
    for target in hanging:
        stage.person.try_now(target)
    stage.finish(sick, row, seconds=180)
    row.verdict = together(healthy_verdict, row.verdict)
    row.bound, row.bound_is = 0, "nothing: what hangs was not taken"
    row.notes.append(f"the others: {delays(healthy_verdict)}")
    return [row]
