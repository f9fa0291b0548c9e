"""The product's parts as processes of our own, each of which can be killed, frozen, stopped and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from currents_admin import local, probe
from currents_admin.supervisor import parts, port, postgres, redis
from currents_admin.supervisor.part import ROOT, Part
from tests.faults.waiting import NotInTime, until

LEASE_SECONDS = 5
# What the surroundings may set and a run of faults must not see.
_FOREIGN = (
    *(
        "DATABASE_URL",
        "REDIS_URL",
        "REDIS_KEY_PREFIX",
        "SECRET_KEY",
        "WRITE_KEY_ENCRYPTION_KEYS",
        "ALLOWED_HOSTS",
    ),
    *(
        "SITE_URL",
        "DEBUG",
        "CURRENTS_EXPIRY_HOURS",
        "CURRENTS_RETENTION_HOURS",
        "CURRENTS_INTAKE_RATE",
        "EMAIL_URL",
    ),
)
SERVICES = ("postgres", "redis", "sandbox")
USERS = ("web", "worker", "retry-worker", "beat")
_PATIENCE = 60.0


class House:
    """Everything the parts write lies in `folder`, what proves the outcome in `records`; both are made anew."""

    def __init__(self, folder: Path, records: Path) -> None:
        self.folder, self.records = folder, records
        self.parts: dict[str, Part] = {}
        self.web_ports: dict[str, int] = {}
        self.ids_file = records / "ids"
        self.bug_file = records / "bug"
        self.sandbox_host, self.sandbox_port, self.bucket_port = port.HOST, 0, 0
        self.redis: redis.Redis
        self.postgres: postgres.Postgres

    def open(self) -> None:
        """Starts every part and waits until all of them answer."""
        _empty(self.folder)
        _empty(self.records)
        for name in _FOREIGN:
            os.environ.pop(name, None)
        self.sandbox_port, self.bucket_port = port.free(), port.free()
        os.environ.update(
            CURRENTS_VAR=str(self.folder),
            # With Celery's lines: they prove which worker took what.
            LOG_LEVEL="DEBUG",
            CURRENTS_LEASE_SECONDS=str(LEASE_SECONDS),
            FAULTS_BUG_FILE=str(self.bug_file.resolve()),
            PYTHONPATH=os.pathsep.join((str(ROOT), str(ROOT / "tests" / "faults" / "bug"))),
            CURRENTS_SOURCE_ENDPOINTS=f"http://{port.HOST}:{self.bucket_port}",
            # Nobody listens there: a destination that is down.
            SEGMENT_EU_URL=f"http://{port.HOST}:{port.free()}",
        )
        self.postgres = postgres.Postgres(durable=True)
        self.postgres.prepare()
        self.redis = redis.Redis()
        self._lay_out()
        os.environ["SEGMENT_US_URL"] = f"http://{self.sandbox_host}:{self.sandbox_port}"
        self.tell_addresses(self.postgres.url)
        self._add(self.postgres.part, self.redis.part, self._sandbox())
        self.start("postgres", "redis", "sandbox")
        self.manage("prepare")
        self.add_web("web")
        self._add(parts.beat())
        self.add_worker("retry-worker")
        self.add_worker("worker")
        self.start(*USERS)
        until(lambda: self.status("web", "/readyz") == 200, _PATIENCE, "every part is ready")

    def _lay_out(self) -> None:
        """Where parts run on hosts of their own, the services' addresses become those; here is but one host."""

    def tell_addresses(self, database_url: str) -> None:
        """The services' addresses, for every part that is started from now on."""
        local.Services(database_url=database_url, redis_url=self.redis.url).write()

    def status(self, web: str, path: str) -> int:
        """What that web process answers, 0 where it does not."""
        host, number = self.web_address(web)
        return probe.status(number, path, host=host)

    def web_address(self, name: str) -> tuple[str, int]:
        return port.HOST, self.web_ports[name]

    def close(self) -> None:
        for name in [
            *(name for name in self.parts if name not in ("postgres", "redis")),
            "redis",
            "postgres",
        ]:
            if name in self.parts:
                self.stop(name)

    def add_web(self, name: str) -> None:
        """Another web process, on a port of its own; not started yet."""
        self.web_ports[name] = port.free()
        part = parts.web(self.web_ports[name])
        part.name, part.log = name, self.folder / "log" / f"{name}.log"
        self._add(part)

    def add_worker(self, name: str) -> None:
        """Another worker; not started yet."""
        part = parts.retry_worker() if name == "retry-worker" else parts.worker()
        part.name, part.log = name, self.folder / "log" / f"{name}.log"
        part.command = [f"{name}@%h" if word.endswith("@%h") else word for word in part.command]
        self._add(part)

    def _sandbox(self) -> Part:
        part = parts.sandbox(self.sandbox_port)
        part.command += ["--ids-file", str(self.ids_file)]
        return part

    def _add(self, *new: Part) -> None:
        self.parts.update((part.name, part) for part in new)

    # --- one part --------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        return self.parts[name].pid

    def alive(self, name: str) -> bool:
        return self.parts[name].alive()

    def start(self, *names: str) -> None:
        for name in names:
            self.parts[name].start()
        for name in names:
            if name in SERVICES:
                until(lambda name=name: self._answers(name), _PATIENCE, f"{name} answers")  # type: ignore[misc]

    def _answers(self, name: str) -> bool:
        if not self.alive(name):
            raise NotInTime(f"{name} ended while starting ({self.parts[name].how_it_ended()})")
        if name == "postgres":
            return self.postgres.answers()
        return self.redis.answers() if name == "redis" else port.answers(self.sandbox_port, self.sandbox_host)

    def kill(self, name: str) -> int:
        """SIGKILL; answers the process id it had. PostgreSQL's children are left to notice by themselves."""
        part = self.parts[name]
        pid, process = part.pid, part.process
        if process is None or not part.alive():
            raise NotInTime(f"{name} was not alive to be killed")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        if name != "postgres":
            part.end_group()
        if process.returncode != -signal.SIGKILL:
            raise NotInTime(f"{name} ended by itself ({part.how_it_ended()})")
        return pid

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self.pid(name), number)

    def stop(self, *names: str) -> None:
        """In good order: asks all of them, then waits."""
        for name in names:
            self.parts[name].ask_to_stop()
        self.await_end(*names)

    def await_end(self, *names: str) -> None:
        """Of parts that were asked to stop; one that does not is killed."""
        for name in names:
            process = self.parts[name].process
            if process is None:
                continue
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.parts[name].end_group()

    def revive(self) -> list[str]:
        """Starts what ended without being asked to; answers the names."""
        dead = [name for name, part in self.parts.items() if part.process is not None and not part.alive()]
        self.start(*sorted(dead, key=lambda name: name not in SERVICES))
        return dead

    # --- questions -------------------------------------------------------------------------------------------

    def query(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows, over a connection of its own.

        Raises:
            psycopg.Error: the database does not answer.
        """
        with psycopg.connect(self.postgres.url, connect_timeout=2, autocommit=True) as connection:
            return connection.execute(text, parameters).fetchall()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A management command. Its exit status is the caller's to judge, except that `prepare` must succeed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        if arguments[0] == "prepare" and done.returncode:
            raise NotInTime(f"manage.py prepare failed: {done.stderr.strip()[-500:]}")
        return done


def _empty(folder: Path) -> None:
    """What an earlier run left is removed; the folder itself stays, because it may be a mounted disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in _entries(folder):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _entries(folder: Path) -> Iterable[Path]:
    return list(folder.iterdir())
