"""Growth: several readers of one log, the sweep over many workspaces of which most are idle, a log a hundred times as
long, and the page of all workspaces with ten thousand connectors."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.urls import reverse

from benchmarks import backlog, client, intake, many, pages, retained
from benchmarks.ground import Sink, wait_until, web, workers
from benchmarks.results import Result
from connectors.models import Connector
from connectors.setup import lifecycle
from exporter.dispatch import sweep, wakeup
from exporter.maintenance import trimming
from exporter.models import Delivery, DeliveryKind, EventBatch

_READERS = (1, 2, 4)
_WORKSPACES = (1, 10, 100, 1_000)
_BUSY_SHARE = 0.02
_RETAINED = (1_000_000, 100_000_000)
_RETAINED_QUICK = (1_000_000, 5_000_000)
_CONNECTORS = 10_000
_TRIMMED = 100


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
    for events in _RETAINED_QUICK if quick else _RETAINED:
        yield from _long_log(sink, events, rounds)
    many.tenants(_CONNECTORS)
    visitor = pages.visitor("many")
    # As PostgreSQL does by itself within a minute.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    address, label = reverse("workspaces"), f"all workspaces, {_CONNECTORS:,} connectors"
    yield from _page(visitor, address, label, rounds)


def _long_log(sink: Sink, retained_events: int, rounds: int) -> Iterator[Result]:
    """Intake, delivery, trimming and the status page of a workspace with so many retained events."""
    made, label = backlog.connector(), f"{retained_events:,} retained"
    began = time.perf_counter()
    retained.retain(made, retained_events)
    yield Result("growth", f"{label}: make the log", "s", [time.perf_counter() - began])
    token, coming = intake.token_for(made.workspace), 100_000
    with web() as (_part, port):
        plan = client.Plan(port, token, secrets.token_hex(4), coming, 500)
        process = plan.start()
        client.begin(process)
        told = client.finish(process)
    assert told["accepted"] == coming
    yield Result("growth", f"{label}: intake, bodies of 500", "events/s", [coming / told["seconds"]])
    sink.reset()
    with workers(1):
        lifecycle.resume(made, by=backlog.NOBODY)
        wait_until(lambda: backlog.pending([made.pk]) == 0, 120, "delivering behind a long log")
    counted = sink.count()
    assert counted["distinct"] == counted["events"] == coming
    rate = coming / (counted["last"] - counted["first"])
    yield Result("growth", f"{label}: delivery", "events/s", [rate], "first to last request")
    address = reverse("status", args=[made.workspace.slug, made.pk])
    yield from _page(pages.visitor(made.workspace.slug, dash=""), address, f"{label}: status page", rounds)
    trimmed = [_trimmed_a_second(made.workspace_id) for _ in range(5)]
    yield Result("growth", f"{label}: trimming", "batches/s", trimmed)
    made.workspace.delete()


def _page(visitor: Client, address: str, label: str, rounds: int) -> Iterator[Result]:
    with web() as (_part, port):
        taken = [pages.visit(visitor, f"http://127.0.0.1:{port}{address}", 40) for _ in range(rounds)]
    yield Result("growth", f"{label}, p50", "ms", [p50 for p50, _ in taken])
    yield Result("growth", f"{label}, p95", "ms", [p95 for _, p95 in taken])


def _trimmed_a_second(workspace_id: int) -> float:
    """How many batches go in a second, by the product's own chore; a hundred of them, however long the log is."""
    last = EventBatch.objects.filter(workspace_id=workspace_id).order_by("end_event")[_TRIMMED]
    until = time.monotonic() + trimming.LONGEST_SECONDS
    began = time.perf_counter()
    gone = trimming.trim_workspace(workspace_id, last.received_at, until)
    assert gone >= _TRIMMED
    return gone / (time.perf_counter() - began)


def _readers(sink: Sink, readers: int, count: int) -> float:
    """Events delivered a second, all deliveries together. They stand for connectors of further types: replays
    read the log in the same way."""
    made = backlog.connector()
    backlog.fill([made], count)
    backlog.work_off(sink, [made], count, 0)
    sink.reset()
    deliveries = [
        Delivery.objects.create(
            connector=made,
            workspace_id=made.workspace_id,
            kind=DeliveryKind.REPLAY,
            start=0,
            cursor=0,
            stop=count,
        ).pk
        for _ in range(readers)
    ]
    wakeup.wake_deliveries(deliveries)
    waiting = Delivery.objects.filter(pk__in=deliveries, cursor__lt=count)
    wait_until(lambda: not waiting.exists(), 60 + readers * count / 1000, "delivering to several")
    counted = sink.count()
    assert counted["events"] == readers * count
    assert counted["distinct"] == count
    return readers * count / (counted["last"] - counted["first"])


def _sweep_milliseconds() -> float:
    """The sweep's query alone, by EXPLAIN ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + sweep._DUE, {"seconds": 15.0, "most": sweep.MOST_SWEPT}
        )
        plan = cursor.fetchone()[0]
    read = json.loads(plan) if isinstance(plan, str) else plan
    return float(read[0]["Execution Time"])
