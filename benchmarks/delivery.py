"""Delivery: from the durable log to the sink, beside the peers and the physical limit, in interleaved runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from django.db import connection

from benchmarks import backlog, peers
from benchmarks.ground import Sink, workers
from benchmarks.results import Result
from exporter.log import event_log, unpacking

_LATENCIES = (0, 50)


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    count = 50_000 if quick else 200_000
    senders = list(peers.available())
    for milliseconds in _LATENCIES:
        yield from _beside_peers(sink, senders, milliseconds, count, rounds)
    yield from _several(sink, count, rounds)
    yield _decompress_only()


def _beside_peers(
    sink: Sink, senders: list[peers.Peer], milliseconds: int, count: int, rounds: int
) -> Iterator[Result]:
    label = f"sink at {milliseconds} ms"
    rates: dict[str, list[float]] = {"currents-admin": []}
    requests = 0
    with workers(1):
        product(sink, 1, count // 10, milliseconds)  # warm-up
        for _ in range(rounds):
            run = product(sink, 1, count, milliseconds)
            requests = run.requests
            rates["currents-admin"].append(run.rate)
            for peer in senders:
                few = min(count, peer.events(milliseconds))
                rates.setdefault(peer.name, []).append(peer.run(sink, few, milliseconds))
    own = Result("delivery", f"currents-admin, one worker, {label}", "events/s", rates.pop("currents-admin"))
    own.note = f"{count:,} events in {requests} requests, durable log, ledger checked"
    others = [Result("delivery", f"{name}, {label}", "events/s", values) for name, values in rates.items()]
    for other, peer in zip(others, senders, strict=True):
        other.note = peer.note
        own.ratios[peer.name] = 0
        own.compare(Result("", peer.name, "", other.values))
    yield own
    yield from others


def product(sink: Sink, connectors: int, count: int, milliseconds: int) -> backlog.Run:
    made = [backlog.connector() for _ in range(connectors)]
    backlog.fill(made, count)
    return backlog.work_off(sink, made, count, milliseconds)


def _several(sink: Sink, count: int, rounds: int) -> Iterator[Result]:
    for processes, connectors in ((1, 10), (2, 1), (2, 10)):
        with workers(processes):
            product(sink, connectors, count // 10, 0)
            values = [product(sink, connectors, count, 0).rate for _ in range(rounds)]
        name = f"currents-admin, {processes} worker(s), {connectors} connector(s), sink at 0 ms"
        yield Result("delivery", name, "events/s", values)


def _decompress_only() -> Result:
    """A pass over the newest log that only reads and decompresses: nothing that reads the log can be faster."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id FROM exporter_eventbatch ORDER BY id DESC LIMIT 1")
        workspace_id: int = cursor.fetchone()[0]
    values = [_timed(lambda: _pass_over(workspace_id)) for _ in range(5)]
    return Result("delivery", "limit: read and decompress the log, nothing else", "events/s", values)


def _pass_over(workspace_id: int) -> int:
    number, seen = 0, 0
    while headers := event_log.headers(workspace_id, number, 8):
        for payload in event_log.payloads([header.id for header in headers]).values():
            seen += len(unpacking.lines(payload))
        number = headers[-1].end_event
    return seen


def _timed(work: Callable[[], int]) -> float:
    began = time.perf_counter()
    return work() / (time.perf_counter() - began)
