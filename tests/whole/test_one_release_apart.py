"""The release before runs on the schema of this one: it takes and delivers while migrations are applied, after them,
and when it is started again, which is the way back.

Before the first release there is none before: then it is today's code on a schema one step ahead."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection

from currents_admin import migrating
from exporter.dispatch import heartbeats
from exporter.operations import schema
from tests.support.delivering import Line, a_line
from tests.support.doorway import doorway
from tests.support.factories import IntakeTokenFactory, event
from tests.support.releases import ROOT, next_schema, release_before, unpack
from tests.support.sandbox_calls import until
from tests.support.serving import Server, free_port, serving, surroundings

pytestmark = pytest.mark.django_db(transaction=True)
TAG = release_before()
_WORKER = ("-m", "celery", "-A", "currents_admin", "worker", "-P", "threads", "-c", "4", "-Q", "delivery")
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Sender:
    """Posts events one after the other for as long as it may; where nobody listens it comes again, as Braze does."""

    def __init__(self, server: Server) -> None:
        self.server, self.answers, self.sent = server, set[int](), list[str]()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stop.wait(0.01):
            one = event(len(self.sent))
            body = json.dumps({"events": [one]}).encode()
            while (status := self._post(body)) == 0 and not self.stop.wait(0.05):
                continue
            if status:
                self.answers.add(status)
                self.sent.append(str(one["id"]))

    def _post(self, body: bytes) -> int:
        try:
            return self.server.send(body)[0]
        except OSError:
            return 0


@contextmanager
def worker(folder: Path, code: Path, variables: dict[str, str]) -> Iterator[None]:
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *_WORKER, *_ALONE],
            cwd=code,
            env=surroundings() | variables,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


@contextmanager
def running(folder: Path, code: Path, line: Line, port: int) -> Iterator[Server]:
    """Web and worker of that code."""
    variables = {
        "SEGMENT_US_URL": line.sandbox.url,
        "SEGMENT_EU_URL": line.sandbox.url,
        "REDIS_KEY_PREFIX": f"{folder.name}-",
    }
    with worker(folder, code, variables), serving(folder, port, code=code, **variables) as server:
        server.token = IntakeTokenFactory.create(workspace=line.workspace)
        yield server


def arrive(line: Line, sender: Sender, more: int = 30) -> None:
    """Until so many more events have come through."""
    wanted = len(line.arrived()) + more
    until(lambda: len(line.arrived()) >= wanted or not sender.thread.is_alive())
    assert sender.thread.is_alive()


def migrate_beside(monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
    """As `manage.py prepare` does it: with a bound on every lock, again and again."""
    applied: Callable[..., None] = lambda *_, **__: stack.enter_context(next_schema())  # noqa: E731
    monkeypatch.setattr(migrating, "call_command", applied)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.1)
    migrating.migrate()


@pytest.mark.parametrize("tag", [TAG], ids=[TAG or "today"])
def test_the_release_before_takes_and_delivers_on_this_schema(
    tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = unpack(tag, tmp_path / "code") if tag else ROOT
    port = free_port()
    with a_line() as line, ExitStack() as stack:
        with running(tmp_path, code, line, port) as server:
            sender = Sender(server)
            stack.callback(sender.stop.set)
            sender.thread.start()
            arrive(line, sender)
            if not tag:
                migrate_beside(monkeypatch, stack)
            arrive(line, sender)
        with running(tmp_path, code, line, port) as server:
            sender.server.token = server.token
            arrive(line, sender)
            sender.stop.set()
            sender.thread.join()
            until(lambda: len(line.arrived()) >= len(sender.sent))
        assert sender.answers == {202}
        assert sorted(line.arrived()) == sorted(sender.sent)
        assert line.sandbox.message_ids("duplicate") == []


def test_new_parts_wait_for_their_migrations(tmp_path: Path) -> None:
    """A web process that is started too early takes no request, and goes on by itself."""
    answered: list[int] = []
    with migrations_missing() as names, serving(tmp_path) as server:
        asked = threading.Thread(target=lambda: answered.append(server.send(b"")[0]))
        asked.start()
        until(lambda: "migrations.missing" in server.log.read_text())
        assert answered == []
        _note_applied(names)
        asked.join()
    assert answered == [200]
    assert schema.missing() == 0


def test_a_web_started_while_the_database_is_away_says_so_and_then_waits_for_its_migrations(
    tmp_path: Path,
) -> None:
    with migrations_missing() as names, doorway() as door, serving(tmp_path, DATABASE_URL=door.url) as server:
        assert server.send(b"[]")[0] == 503
        door.open()
        until(lambda: "migrations.missing" in server.log.read_text())
        _note_applied(names)
        until(lambda: server.send(b"")[0] == 200)


def test_a_worker_started_while_the_database_is_away_waits_for_it_and_its_migrations(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with migrations_missing() as names, doorway() as door, worker(tmp_path, ROOT, {"DATABASE_URL": door.url}):
        until(lambda: "database.away" in log.read_text())
        door.open()
        until(lambda: "migrations.missing" in log.read_text())
        assert not heard_of_a_worker()
        _note_applied(names)
        until(heard_of_a_worker)


def heard_of_a_worker() -> bool:
    return "worker:delivery" in heartbeats.ages()


@contextmanager
def migrations_missing() -> Iterator[list[str]]:
    """As if `prepare` had not run; their names."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'exporter' RETURNING name")
        names = [name for (name,) in cursor.fetchall()]
    try:
        assert schema.missing() == len(names) > 0
        yield names
    finally:
        _note_applied(names)


def _note_applied(names: list[str]) -> None:
    note = """
    INSERT INTO django_migrations (app, name, applied)
    SELECT 'exporter', %(name)s, now()
     WHERE NOT EXISTS (SELECT FROM django_migrations WHERE app = 'exporter' AND name = %(name)s)
    """
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(note, {"name": name})
