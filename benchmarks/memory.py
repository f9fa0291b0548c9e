"""Memory and throughput against the length of the backlog; bytes per event in the log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from django.db import connection

from benchmarks import backlog, client
from benchmarks.ground import Sink, resident, web, workers
from benchmarks.intake import token_for
from benchmarks.results import Result

_LONG = (10_000, 1_000_000, 5_000_000)
_SHORT = (10_000, 200_000)
_BY_WEB = 100_000


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    for count in _SHORT if quick else _LONG:
        made = backlog.connector()
        with web() as (web_part, port):
            by_web = min(count // 2, _BY_WEB)
            plan = client.Plan(port, token_for(made.workspace), secrets.token_hex(4), by_web, 500)
            process = plan.start()
            client.begin(process)
            assert client.finish(process)["accepted"] == by_web
            backlog.fill([made], count - by_web)
            highest_web = resident(web_part)[1]
        with workers(1) as (worker,):
            run = backlog.work_off(sink, [made], count, 0)
            highest_worker = resident(worker)[1]
        label = f"backlog of {count:,}"
        yield Result(
            "memory", f"{label}: worker, highest", "MB", [highest_worker], "resident, its children too"
        )
        yield Result(
            "memory", f"{label}: web, highest", "MB", [highest_web], f"{by_web:,} events came through it"
        )
        yield Result("growth", f"{label}: delivery", "events/s", [run.rate], "one worker, sink at 0 ms")
        yield Result("memory", f"{label}: log", "bytes/event", [_bytes_per_event(made.workspace_id, count)])


def _bytes_per_event(workspace_id: int, count: int) -> float:
    """What the batches' rows hold, without indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_column_size(b.*)) FROM exporter_eventbatch b WHERE workspace_id = %s",
            [workspace_id],
        )
        return float(cursor.fetchone()[0] / count)
