"""One connector, two workers: only the holder of the lease moves it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Stream, Tail
from tests.faults.waiting import NotInTime, until

SECOND = "worker-2"


@contextmanager
def _second_worker(stage: Stage) -> Iterator[None]:
    stage.house.add_worker(SECOND)
    try:
        yield
    finally:
        stage.house.stop(SECOND)
        stage.house.parts.pop(SECOND)


def two_workers(stage: Stage) -> list[Row]:
    """Both are woken for the same connector all the time."""
    row = Row("two workers, one connector", NOTHING)
    target = stage.target()
    with _second_worker(stage):
        stage.house.start(SECOND)
        logs = {name: Tail(stage.house.parts[name].log) for name in ("worker", SECOND)}
        turns = dict.fromkeys(logs, 0)

        def look() -> bool:
            for name, log in logs.items():
                turns[name] += sum(
                    "exporter.tasks.wake" in line and "succeeded" in line for line in log.lines()
                )
            return all(turns.values())

        second = stage.house.parts[SECOND].log
        until(lambda: " ready." in second.read_text(errors="replace"), 60, "the second worker is ready")
        look()
        turns = dict.fromkeys(logs, 0)
        stream = stage.stream([target], events=stage.size(20_000, 100_000), rate=4000)
        try:
            while not stream.finished():
                stage.person.ring(target, 20)
                look()
            until(look, 30, "both workers have answered wake-ups")
            row.proof = ", ".join(f"{name} answered {count} wake-ups" for name, count in turns.items())
        except NotInTime as late:
            row.troubles.append(str(late))
        stage.finish(stream, row)
    return [row]


def frozen_worker(stage: Stage) -> list[Row]:
    """SIGSTOP in the middle of a request, past the lease; another worker takes over; then SIGCONT."""
    row = Row("worker SIGSTOP past its lease, then woken", NOTHING)
    target = stage.target()
    stage.sandbox.add(delay_ms=200, match={"key4": target.key4})
    stream = stage.stream([target], events=stage.size(10_000, 20_000), rate=1000)
    with _second_worker(stage):
        try:
            row.proof = _freeze(stage, stream, row)
        except NotInTime as late:
            row.troubles.append(str(late))
        stage.house.send("worker", signal.SIGCONT)
        stage.finish(stream, row)
    return [row]


def _freeze(stage: Stage, stream: Stream, row: Row) -> str:
    house = stage.house
    stage.await_arrivals(stream, 500)
    until(stage.sandbox.in_flight, 10, "a request is in flight")
    began = time.monotonic()
    house.send("worker", signal.SIGSTOP)
    until(
        lambda: psutil.Process(house.pid("worker")).status() == psutil.STATUS_STOPPED,
        5,
        "the worker is frozen",
    )
    holders = stage.held(stream.targets)
    unsettled = stage.unsettled(stream.targets, 0.0)
    row.bound, row.bound_is = unsettled.events, "what was sent and not settled when it froze"
    house.start(SECOND)
    until(lambda: set(stage.held(stream.targets)) - set(holders), 40, "another worker takes the lease")
    stage.await_arrivals(stream, 500)
    pid = house.pid("worker")
    house.send("worker", signal.SIGCONT)
    seconds = time.monotonic() - began
    until(lambda: psutil.Process(pid).status() != psutil.STATUS_STOPPED, 5, "the worker runs again")
    if not holders:
        return ""
    row.notes.append(f"{unsettled.bodies} bodies with {unsettled.events} events were sent and not settled")
    return f"worker {pid} frozen for {seconds:.0f} s, lease taken by {SECOND} {house.pid(SECOND)}"
