"""Slow and silent clients, and a PostgreSQL that is frozen: others are answered in time throughout."""

from __future__ import annotations

import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack

import psutil

from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.waiting import NotInTime

PATIENT, PAGES_PATIENT = 1.0, 5.0
CROWDS = (16, 64, 1_000)
FROZEN_SECONDS = 20.0
_UNFINISHED = b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{"


def slow_clients(stage: Stage) -> list[Row]:
    """16, 64 and 1,000 of them beside a stream: its bodies and `/healthz` are answered within a second."""
    return [_crowded(stage, size) for size in CROWDS]


def _crowded(stage: Stage, size: int) -> Row:
    row = Row(f"{size:,} slow clients during intake", NOTHING)
    stream = stage.stream([stage.target()], events=stage.size(5_000, 10_000), rate=1_000)
    try:
        stage.await_arrivals(stream, 500)
        with ExitStack() as lines:
            for _ in range(size):
                line = lines.enter_context(socket.create_connection(("127.0.0.1", _port(stage)), timeout=30))
                line.sendall(_UNFINISHED)
            longest = max(_seconds(stage, "/healthz", row, PATIENT)[0] for _ in range(5))
            stage.await_acknowledged(stream, 1_000)
            row.proof = f"{size} requests unfinished, /healthz within {longest * 1000:.0f} ms"
    except NotInTime as late:
        row.troubles.append(str(late))
    return stage.finish(stream, row)


def frozen_postgres(stage: Stage) -> list[Row]:
    """SIGSTOP of every PostgreSQL process for 20 s: pages say 503 within 5 s, `/healthz` lives, nothing is lost."""
    row = Row("PostgreSQL frozen for 20 s", NOTHING)
    stream = stage.stream([stage.target()], events=stage.size(10_000, 20_000), rate=1_000)
    server = psutil.Process(stage.house.pid("postgres"))
    try:
        stage.await_arrivals(stream, 500)
        frozen = [server, *server.children(recursive=True)]
        _send(frozen, signal.SIGSTOP)
        try:
            row.proof = _while_frozen(stage, row)
        finally:
            _send(frozen, signal.SIGCONT)
    except NotInTime as late:
        row.troubles.append(str(late))
    return [stage.finish(stream, row)]


def _while_frozen(stage: Stage, row: Row) -> str:
    began, pages, alive = time.monotonic(), [], []
    while time.monotonic() - began < FROZEN_SECONDS:
        pages.append(_seconds(stage, "/invitations/none/", row, PAGES_PATIENT))
        alive.append(_seconds(stage, "/healthz", row, PATIENT)[0])
    if {status for _, status in pages} != {503}:
        row.troubles.append(f"pages answered {sorted({status for _, status in pages})}")
    longest = max(seconds for seconds, _ in pages)
    return (
        f"{len(pages)} pages answered 503 within {longest:.1f} s, /healthz within {max(alive) * 1000:.0f} ms"
    )


def _seconds(stage: Stage, path: str, row: Row, most: float) -> tuple[float, int]:
    """How long the answer took, and its status; later than `most` is a trouble of the row."""
    began = time.monotonic()
    status = _status(
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{_port(stage)}{path}", timeout=30).status
    )
    seconds = time.monotonic() - began
    if seconds > most:
        row.troubles.append(f"{path} took {seconds:.1f} s")
    return seconds, status


def _status(ask: Callable[[], int]) -> int:
    try:
        return ask()
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return 0


def _port(stage: Stage) -> int:
    return stage.house.web_ports["web"]


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
