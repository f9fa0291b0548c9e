"""The ground all measurements stand on: the sink, a fresh database, workers and web as the product starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import django

from currents_admin import local
from currents_admin.supervisor import parts, port
from currents_admin.supervisor.part import Part

ROOT = Path(__file__).resolve().parents[1]


class Sink:
    """The receiver's process, seen from outside."""

    def __init__(self) -> None:
        self.port = port.free()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(self.port)], cwd=ROOT)
        wait_until(lambda: port.answers(self.port), 10, "the sink")

    def reset(self, milliseconds: int = 0) -> None:
        self._ask(f"/reset?milliseconds={milliseconds}")

    def count(self) -> dict[str, float]:
        """requests, events, distinct, bytes, first, last."""
        counted: dict[str, float] = json.loads(self._ask("/count"))
        return counted

    def arrivals(self) -> dict[bytes, float]:
        """Each id with the moment it came first, in seconds of the monotonic clock."""
        moments: dict[bytes, float] = {}
        for line in self._ask("/arrivals").splitlines():
            event_id, _, at = line.partition(b" ")
            moments.setdefault(event_id, float(at))
        return moments

    def _ask(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:  # noqa: S310 - our own process
            content: bytes = answer.read()
        return content

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def wait_until(ready: Callable[[], bool], seconds: float, what: str, pause: float = 0.05) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took longer than {seconds:g} s")
        time.sleep(pause)


def open_ground(sink: Sink) -> None:
    """Loads Django for this process and its children with the sink as Segment; empties the database."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="currents_admin.settings",
        SEGMENT_US_URL=sink.url,
        SEGMENT_EU_URL=sink.url,
        LOG_LEVEL="WARNING",
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", verbosity=0)


@contextmanager
def workers(count: int) -> Iterator[list[Part]]:
    """Worker processes as the supervisor starts them, ready for work."""
    from exporter.models import Heartbeat

    Heartbeat.objects.all().delete()
    started = []
    try:
        for number in range(count):
            part = parts.worker()
            name = f"worker-{number + 1}"
            command = [word.replace("worker@", f"{name}@") for word in part.command]
            started.append(replace(part, name=name, command=command, log=part.log.with_name(f"{name}.log")))
            started[-1].start()
        for part in started:
            wait_until(lambda part=part: _ready(part), 30, "the start of a worker")  # type: ignore[misc]
        yield started
    finally:
        _end(started)


@contextmanager
def retry_worker() -> Iterator[Part]:
    """The worker of chores, replays among them; ready once it reads its queues."""
    from exporter.models import Heartbeat

    announced = Heartbeat.objects.filter(part="worker:chores")
    announced.delete()
    part = parts.retry_worker()
    part.start()
    try:
        wait_until(announced.exists, 30, "the start of the retry worker")
        yield part
    finally:
        _end([part])


def _ready(part: Part) -> bool:
    return " ready." in part.log.read_text(errors="replace")[-2000:] or _announced()


def _announced() -> bool:
    from exporter.models import Heartbeat

    return Heartbeat.objects.filter(part__startswith="worker:").exists()


@contextmanager
def web() -> Iterator[tuple[Part, int]]:
    """The web server, with its port."""
    on_port = port.free()
    part = parts.web(on_port)
    part.start()
    try:
        wait_until(lambda: port.answers(on_port), 30, "the start of the web server")
        yield part, on_port
    finally:
        _end([part])


def _end(started: list[Part]) -> None:
    for part in started:
        part.ask_to_stop()
    for part in started:
        part.finish(time.monotonic() + 15)


def resident(part: Part) -> tuple[float, float]:
    """Resident memory of a part and its children in MB: now, and the sum of their highest."""
    now = highest = 0.0
    for status in _family(part.pid):
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        now += int(fields["VmRSS"].split()[0]) / 1024
        highest += int(fields["VmHWM"].split()[0]) / 1024
    return now, highest


def _family(pid: int) -> list[str]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            found.append(Path(f"/proc/{one}/status").read_text())
            waiting += [int(child) for child in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            continue
    return found


def database() -> dict[str, Any]:
    """What tells that the figures were made safely."""
    from django.db import connection

    shown = {}
    with connection.cursor() as cursor:
        for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"):
            cursor.execute(f"SHOW {name}")
            shown[name] = cursor.fetchone()[0]
        for name in (
            "exporter_eventbatch",
            "exporter_deliverycount",
            "exporter_attempt",
            "exporter_settlement",
        ):
            cursor.execute(f"SELECT count(*) FROM {name}")
            shown[f"rows of {name}"] = cursor.fetchone()[0]
    return shown


def folder() -> Path:
    return local.folder()
