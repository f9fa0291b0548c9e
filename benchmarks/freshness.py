"""Freshness: from the moment intake answered to the moment an event is at the sink."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from benchmarks import backlog, client
from benchmarks.ground import Sink, folder, wait_until, web, workers
from benchmarks.intake import token_for
from benchmarks.results import Result

# events/s and the size of the bodies they come in
_LOADS = ((100, 1), (1_000, 10))


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    seconds = 10 if quick else 30
    with web() as (_, port), workers(1):
        _run(sink, port, 100, 1, 3)
        for rate, size in _LOADS:
            delays = [_run(sink, port, rate, size, seconds) for _ in range(min(rounds, 3))]
            for percent in (50, 95, 99):
                values = [quantiles(run, n=100)[percent - 1] * 1000 for run in delays]
                name = f"{rate:,} events/s in bodies of {size}, p{percent}"
                yield Result("freshness", name, "ms", values, "intake's answer → at the sink")


def _run(sink: Sink, port: int, rate: int, size: int, seconds: int) -> list[float]:
    """The delay of each event in seconds."""
    sink.reset()
    made = backlog.connector(paused=False)
    moments = folder() / "answered"
    count = rate * seconds
    token = token_for(made.workspace)
    process = client.Plan(port, token, secrets.token_hex(4), count, size, 8, rate, str(moments)).start()
    client.begin(process)
    told = client.finish(process)
    assert told["accepted"] == count, f"of {count} events {told} were accepted"
    wait_until(lambda: backlog.pending([made.pk]) == 0, 30, "delivering the rest")
    arrived = sink.arrivals()
    answered = _read(moments)
    assert arrived.keys() == answered.keys(), "the sink saw other events than intake"
    return [arrived[event_id] - at for event_id, at in answered.items()]


def _read(path: Path) -> dict[bytes, float]:
    pairs = (line.split() for line in path.read_bytes().splitlines())
    return {event_id: float(at) for event_id, at in pairs}
