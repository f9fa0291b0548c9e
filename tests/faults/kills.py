"""Workers killed while they send: nothing lost, doubled no more than what was in flight."""

from __future__ import annotations

import time
from dataclasses import dataclass

from exporter.delivery.window import WIDEST
from tests.faults.row import NOTHING, Row
from tests.faults.sandbox import largest, widest
from tests.faults.stage import Stage, Unsettled
from tests.faults.stream import Stream
from tests.faults.waiting import NotInTime, until

APART = 3.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill, at UNIX seconds."""

    at: float
    before: int
    after: int
    unsettled: Unsettled


def standard_run(stage: Stage) -> list[Row]:
    """A steady stream, kills at least 3 s apart, each after delivery has begun again if that is soon."""
    kills = stage.size(3, 20)
    events = stage.size(30_000, 200_000)
    stream = stage.stream([stage.target()], events=events, rate=2000)
    row = Row(f"worker SIGKILL ×{kills}, 2,000 events/s", NOTHING)
    strikes: list[Strike] = []
    latest = events / 2000 / (kills + 1)
    begun = time.monotonic()
    try:
        stage.await_arrivals(stream, 2_000)
        for number in range(1, kills + 1):
            until(lambda number=number: time.monotonic() - begun > latest * (number - 0.5), 60, "time")  # type: ignore[misc]
            strikes.append(_strike(stage, stream, strikes))
            before, struck = stage.arrived(stream), time.monotonic()
            until(
                lambda struck=struck, before=before: (
                    time.monotonic() - struck > APART  # type: ignore[misc]
                    and (stage.arrived(stream) > before or time.monotonic() - struck > latest)
                ),
                60,
                "the next kill",
            )
    except NotInTime as late:
        row.troubles.append(str(late))
        stage.house.revive()
    stage.finish(stream, row, seconds=180)
    row.bound, row.bound_is = row.verdict.sent // 100, "1 % of the events"
    _report(stage, stream, row, strikes, kills)
    return [row]


def full_speed(stage: Stage) -> list[Row]:
    """A backlog, worked off as fast as it goes; on loopback, and with a destination that takes 50 ms."""
    return [_full_speed(stage, 0), _full_speed(stage, 50)]


def _full_speed(stage: Stage, milliseconds: int) -> Row:
    kills = stage.size(1, 5)
    targets = [stage.target()]
    for target in targets:
        stage.person.pause(target)
        if milliseconds:
            stage.sandbox.add(delay_ms=milliseconds, match={"key4": target.key4})
    stream = stage.stream(targets, events=stage.size(30_000, 100_000), rate=0)
    row = Row(f"worker SIGKILL ×{kills}, backlog at full speed, answers take {milliseconds} ms", NOTHING)
    strikes: list[Strike] = []
    try:
        until(stream.finished, 120, "everything is acknowledged")
        for target in targets:
            stage.person.resume(target)
        for _number in range(kills):
            stage.await_arrivals(stream, 5_000)
            strikes.append(_strike(stage, stream, strikes))
    except NotInTime as late:
        row.troubles.append(str(late))
        stage.house.revive()
    stage.finish(stream, row)
    row.bound = sum(strike.unsettled.events for strike in strikes)
    row.bound_is = "what was sent and not settled at the kills"
    _report(stage, stream, row, strikes, kills)
    return row


def _strike(stage: Stage, stream: Stream, earlier: list[Strike]) -> Strike:
    at = time.time()
    before = stage.house.kill("worker")
    unsettled = stage.unsettled(stream.targets, earlier[-1].at if earlier else 0.0)
    stage.house.start("worker")
    return Strike(at, before, stage.house.pid("worker"), unsettled)


def _report(stage: Stage, stream: Stream, row: Row, strikes: list[Strike], kills: int) -> None:
    if (
        len(strikes) == kills
        and len({pid for each in strikes for pid in (each.before, each.after)}) == kills + 1
    ):
        row.proof = (
            "worker processes " + "→".join(str(each.before) for each in strikes) + f"→{strikes[-1].after}"
        )
    if any(strike.unsettled.bodies > WIDEST for strike in strikes):
        row.troubles.append(f"more than {WIDEST} bodies were in flight")
    again = sorted(moment for target in stream.targets for moment in stage.arrivals.of(target).again)
    seen = [each for target in stream.targets for each in stage.watcher.of(target.key4)]
    told = []
    for number, strike in enumerate(strikes):
        end = strikes[number + 1].at if number + 1 < len(strikes) else float("inf")
        begin = strikes[number - 1].at if number else 0.0
        ours = [each for each in seen if begin <= each.at < strike.at]
        doubled = sum(strike.at <= moment < end for moment in again)
        told.append(f"{widest(ours)}·{largest(ours)}·{strike.unsettled.bodies}·{doubled}")
    row.notes.append(
        "for each kill: requests at a time · events in the largest · bodies sent and not settled · events doubled: "
        + ", ".join(told)
    )
    idle = sum(note.startswith("0·") for note in told)
    if idle:
        row.notes.append(
            f"{idle} of the kills struck a worker that was still waiting for the lease of the one before"
        )
