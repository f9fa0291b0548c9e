"""Many tenants: single events spread over many live connectors, and what a neighbour's trouble costs them.

All on one machine: client, web, worker, database and sink share its processors.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from celery import current_app

from benchmarks import backlog, client, many
from benchmarks.ground import Sink, folder, resident, wait_until, web, workers
from benchmarks.results import Result
from currents_admin.supervisor.part import Part
from exporter.dispatch import heartbeats, sweep

# Live connectors, single events a second over all of them.
_LOADS = ((100, 50), (500, 150), (2_000, 300), (10_000, 300))
_SHARES = (50, 95, 99)


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    seconds = 10 if quick else 30
    yield from _one_connector(sink, seconds)
    for connectors, rate in _LOADS:
        yield from _spread(
            sink, many.tenants(connectors), rate, seconds, f"{connectors:,} connectors, {rate}/s"
        )
    yield from _slow_answers(sink, seconds)
    yield from _hanging(sink, seconds)
    yield from _big_neighbour(sink, quick=quick)
    yield from _delivery_alone(sink, 10_000, min(rounds, 3))
    yield from _idle(30)


def _one_connector(sink: Sink, seconds: int) -> Iterator[Result]:
    yield from _spread(sink, many.tenants(1), 100, seconds, "one connector, 100/s")


def _slow_answers(sink: Sink, seconds: int) -> Iterator[Result]:
    name = "500 connectors, 200/s, answers take 200 ms"
    yield from _spread(sink, many.tenants(500), 200, seconds, name, milliseconds=200)


def _hanging(sink: Sink, seconds: int) -> Iterator[Result]:
    """A fifth of the connectors never get an answer; what is measured is the others' delay."""
    healthy, hanging = many.tenants(400), many.tenants(100, key="hang")
    many.give_each_one_event(hanging)
    name = "400 connectors, 50/s, beside 100 that never get an answer"
    yield from _spread(sink, healthy, 50, max(seconds, 30), name)
    many.remove(hanging)


def _big_neighbour(sink: Sink, *, quick: bool) -> Iterator[Result]:
    """A backlog of one connector beside 500 with single events; its speed against its speed alone."""
    count = 200_000 if quick else 1_000_000
    small = many.tenants(500)
    with workers(1):
        big = backlog.connector()
        backlog.fill([big], count)
        alone = backlog.work_off(sink, [big], count, 0).rate
    with web() as (_, port), workers(1):
        big = backlog.connector()
        backlog.fill([big], count)
        load = _Load(sink, port, small, 50, 20)
        load.begin()
        began = time.monotonic()
        backlog.resume([big])
        wait_until(lambda: backlog.pending([big.pk]) == 0, 60 + count / 1000, "delivering the backlog")
        rate = count / (time.monotonic() - began)
        delays = load.finish()
    for share in _SHARES:
        name = f"500 connectors, 50/s, beside a backlog of {count:,}, p{share}"
        yield Result("tenants", name, "ms", [_percent(delays, share)], "answer of intake → at the sink")
    yield Result(
        "tenants",
        f"the backlog of {count:,} beside them",
        "events/s",
        [rate],
        f"{rate / alone:.0%} of its {alone:,.0f}/s alone",
    )


def _delivery_alone(sink: Sink, connectors: int, rounds: int) -> Iterator[Result]:
    """One event waits for each; nothing else runs but one worker, the database and the sink."""
    values, spent = [], []
    for _ in range(rounds):
        made = many.tenants(connectors)
        many.give_each_one_event(made)
        _forget_wake_ups()
        sink.reset()
        heartbeats.claim("sweep", 0.0)  # else the worker would sweep as soon as it is there
        with workers(1) as (worker,):
            before = _processor_seconds([worker])
            sweep.sweep(0.0)
            wait_until(
                lambda: backlog.pending([one.connector for one in made]) == 0,  # noqa: B023 - called at once
                120,
                "delivering one event of each",
                pause=0.2,
            )
            counted = sink.count()
            spent.append((_processor_seconds([worker]) - before) / connectors * 1000)
        assert counted["distinct"] == counted["events"] == connectors, f"the sink saw {counted}"
        values.append(connectors / (counted["last"] - counted["first"]))
    name = f"one event waiting for each of {connectors:,} connectors, one worker"
    yield Result(
        "tenants", name, "events/s", values, f"{min(spent):.2f} ms of the worker's processor time an event"
    )


def _forget_wake_ups() -> None:
    """What was told while the events were stored: the worker would begin with it before it is ready."""
    time.sleep(1.0)  # its thread rings at most every 25 ms
    with current_app.connection_for_write() as link:
        link.default_channel.queue_purge("delivery")


def _idle(seconds: int) -> Iterator[Result]:
    """Nothing to do, with all connectors of the parts before."""
    from connectors.models import Connector

    with web() as (web_part, _), workers(1) as (worker,):
        time.sleep(5)
        parts = [web_part, worker]
        before, began = _processor_seconds(parts), time.monotonic()
        while time.monotonic() - began < seconds:
            sweep.sweep(0.0)
            time.sleep(2.0)
        used = (_processor_seconds(parts) - before) / (time.monotonic() - began)
        yield Result(
            "tenants",
            f"nothing to do, {Connector.objects.count():,} connectors: web and worker",
            "% of a core",
            [used * 100],
            f"worker resident {resident(worker)[1]:.0f} MB at most; swept every 2 s",
        )


class _Load:
    """A client's process that posts single events, and what becomes of them."""

    def __init__(self, sink: Sink, port: int, made: list[many.Tenant], rate: int, seconds: int) -> None:
        self.sink, self.made = sink, made
        self.milliseconds = 0
        self.count = rate * seconds
        self.moments = folder() / "answered"
        tokens = many.write_tokens(folder() / "tokens", made)
        run = secrets.token_hex(4)
        plan = client.Plan(port, "", run, self.count, 1, 8, rate, str(self.moments), tokens)
        self.process = plan.start()

    def begin(self) -> None:
        self.sink.reset(self.milliseconds)
        client.begin(self.process)

    def finish(self) -> list[float]:
        """The delay of each event in seconds, from the answer of intake to the arrival at the sink."""
        told = client.finish(self.process)
        assert told["accepted"] == self.count, f"of {self.count} events {told} were accepted"
        ids = [one.connector for one in self.made]
        wait_until(lambda: backlog.pending(ids) == 0, 120, "delivering the rest")
        arrived = self.sink.arrivals()
        pairs = (line.split() for line in self.moments.read_bytes().splitlines())
        return [arrived[event_id] - float(at) for event_id, at in pairs]


def _spread(
    sink: Sink, made: list[many.Tenant], rate: int, seconds: int, name: str, milliseconds: int = 0
) -> Iterator[Result]:
    with web() as (web_part, port), workers(1) as (worker,):
        warm = _Load(sink, port, made, rate, 3)
        warm.begin()
        warm.finish()
        load = _Load(sink, port, made, rate, seconds)
        load.milliseconds = milliseconds
        before, began = _processor_seconds([web_part, worker]), time.monotonic()
        load.begin()
        delays = load.finish()
        cores = (_processor_seconds([web_part, worker]) - before) / (time.monotonic() - began)
        memory = resident(worker)[1]
    for share in _SHARES:
        note = f"web and worker: {cores:.2f} cores, worker {memory:.0f} MB"
        yield Result("tenants", f"{name}, p{share}", "ms", [_percent(delays, share)], note)


def _percent(delays: list[float], share: int) -> float:
    return quantiles(delays, n=100)[share - 1] * 1000


_TICKS = os.sysconf("SC_CLK_TCK")


def _processor_seconds(parts: list[Part]) -> float:
    """Of these parts and their children, since they were started."""
    return sum(_spent(part.pid) for part in parts)


def _spent(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS + sum(_spent(int(child)) for child in children)
