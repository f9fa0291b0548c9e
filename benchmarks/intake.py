"""Intake over HTTP into one web process: bodies of several sizes, also with a disk that flushes slowly."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from benchmarks import backlog, client
from benchmarks.ground import Sink, web
from benchmarks.results import Result
from connectors.models import Scope, Workspace
from connectors.workspaces import tokens
from exporter.log import event_log

_EVENTS = {1: 2_000, 100: 50_000, 500: 200_000, 2_000: 200_000}
_CONNECTIONS = {1: 16}


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    rates: dict[tuple[int, bool], list[float]] = {}
    with web() as (_, port):
        for size in _EVENTS:
            rate(port, size, 4 * size * 8)  # warm-up
        for _ in range(rounds):
            for slow in (False, True):
                with _flush(slow=slow):
                    for size, count in _EVENTS.items():
                        measured = rate(port, size, max(size, count // 4 if quick else count))
                        rates.setdefault((size, slow), []).append(measured)
    for (size, slow), values in rates.items():
        name = f"bodies of {size:,}" + (", flushes of 5 ms" if slow else "")
        yield Result("intake", name, "events/s", values, "one web process")


def rate(port: int, size: int, count: int) -> float:
    """Events a second from the first byte sent to the last answer.

    Raises:
        AssertionError: not all were accepted, or the log does not hold them.
    """
    workspace, token = place()
    plan = client.Plan(port, token, secrets.token_hex(4), count, size, _CONNECTIONS.get(size, 8))
    process = plan.start()
    client.begin(process)
    told = client.finish(process)
    assert told["accepted"] == count, f"of {count} events {told} were accepted"
    assert event_log.head(workspace.pk) == count
    return float(count / told["seconds"])


def place() -> tuple[Workspace, str]:
    """A new workspace without connector, and a token for it."""
    name = f"bench-intake-{secrets.token_hex(4)}"
    workspace = Workspace.objects.create(slug=name, name=name)
    return workspace, token_for(workspace)


def token_for(workspace: Workspace) -> str:
    return tokens.create(workspace, "bench", [Scope.INTAKE], backlog.NOBODY)[1]


@contextmanager
def _flush(*, slow: bool) -> Iterator[None]:
    """With `slow` each commit waits 5 ms more, as with a disk that takes so long."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SYSTEM SET commit_delay = {5000 if slow else 0}")
        cursor.execute(f"ALTER SYSTEM SET commit_siblings = {0 if slow else 5}")
        cursor.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM RESET commit_delay")
            cursor.execute("ALTER SYSTEM RESET commit_siblings")
            cursor.execute("SELECT pg_reload_conf()")
