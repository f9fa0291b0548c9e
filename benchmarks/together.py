"""Both at once: one web process takes in at a steady rate while one worker delivers, everything on this machine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from benchmarks import backlog, client
from benchmarks.ground import Sink, wait_until, web, workers
from benchmarks.intake import token_for
from benchmarks.results import Result

_OFFERED = (15_000, 20_000)


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    seconds = 10 if quick else 30
    for offered in _OFFERED:
        with web() as (_, port), workers(1):
            _steady(sink, port, 2_000, 3)
            runs = [_steady(sink, port, offered, seconds) for _ in range(min(rounds, 3))]
        name = f"offered {offered:,} events/s in bodies of 500 for {seconds} s"
        yield Result("together", f"{name}, delivered", "events/s", [rate for rate, _ in runs])
        yield Result("together", f"{name}, most pending", "events", [float(most) for _, most in runs])


def _steady(sink: Sink, port: int, offered: int, seconds: int) -> tuple[float, int]:
    """The rate from the first event offered to the last at the sink, and the most that was ever pending."""
    sink.reset()
    made = backlog.connector(paused=False)
    count = offered * seconds
    plan = client.Plan(port, token_for(made.workspace), secrets.token_hex(4), count, 500, 8, offered)
    process = plan.start()
    began, most = time.monotonic(), 0
    client.begin(process)
    while process.poll() is None:
        most = max(most, backlog.pending([made.pk]))
        time.sleep(0.2)
    told = client.finish(process)
    assert told["accepted"] == count, f"of {count} events {told} were accepted"
    wait_until(lambda: backlog.pending([made.pk]) == 0, 60, "delivering the rest")
    counted = sink.count()
    assert counted["distinct"] == count, f"the sink saw {counted}, not {count} events"
    return count / (counted["last"] - began), most
