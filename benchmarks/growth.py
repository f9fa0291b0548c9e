"""Growth: several readers of one log, and the sweep over many workspaces of which most are idle."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.db import connection

from benchmarks import backlog
from benchmarks.ground import Sink, wait_until, workers
from benchmarks.results import Result
from connectors.models import Connector
from exporter.dispatch import sweep, wakeup
from exporter.models import Delivery, Kind

_READERS = (1, 2, 4)
_WORKSPACES = (1, 10, 100, 1_000)
_BUSY_SHARE = 0.02


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    count = 20_000 if quick else 100_000
    with workers(1):
        for readers in _READERS:
            values = [_readers(sink, readers, count) for _ in range(min(rounds, 3))]
            name = f"{readers} deliveries over one log"
            yield Result("growth", name, "events/s", values, f"{count:,} events for each")
    made: list[Connector] = []
    for workspaces in _WORKSPACES:
        made += [backlog.connector(paused=False) for _ in range(workspaces - len(made))]
        backlog.fill(made[: max(1, int(workspaces * _BUSY_SHARE))], 1)
        milliseconds = [_sweep_milliseconds() for _ in range(9)]
        yield Result(
            "growth", f"sweep over {workspaces:,} workspaces", "ms", milliseconds, "execution of its query"
        )


def _readers(sink: Sink, readers: int, count: int) -> float:
    """Events delivered a second, all deliveries together. They stand for connectors of further types: replays
    read the log in the same way."""
    made = backlog.connector()
    backlog.fill([made], count)
    backlog.work_off(sink, [made], count, 0)
    sink.reset()
    deliveries = [
        Delivery.objects.create(
            connector=made, workspace_id=made.workspace_id, kind=Kind.REPLAY, start=0, cursor=0, stop=count
        ).pk
        for _ in range(readers)
    ]
    wakeup.ring_quietly(deliveries)
    waiting = Delivery.objects.filter(pk__in=deliveries, cursor__lt=count)
    wait_until(lambda: not waiting.exists(), 60 + readers * count / 1000, "delivering to several")
    counted = sink.count()
    assert counted["events"] == readers * count
    assert counted["distinct"] == count
    return readers * count / (counted["last"] - counted["first"])


def _sweep_milliseconds() -> float:
    """The sweep's query alone, by EXPLAIN ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sweep._DUE, [20, sweep.MOST_SWEPT])
        plan = cursor.fetchone()[0]
    read = json.loads(plan) if isinstance(plan, str) else plan
    return float(read[0]["Execution Time"])
