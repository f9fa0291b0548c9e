"""Runs chosen tests in a forked process: Python, pytest and the libraries are loaded once, for all mutants.

Each run loads the product anew from the copy and has a database cloned from a clean one and Redis keys of its own:
nothing of one run is left for the next, however it ended.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from zlib import crc32

import psycopg

from tests.mutants import telling

START_SECONDS = 90
# Beyond what a test took without a fault, on a machine that others use too.
PATIENCE_SECONDS = 30
PATIENCE_FACTOR = 10
MEMORY_BYTES = 6 << 30
# Hypothesis is loaded already, and nobody reads its assertions.
_PLAIN = (
    *("-p", "no:cacheprovider", "-p", "no:faker"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
_WANTS_SETTINGS = re.compile(r"^(django\.contrib|allauth)\b|\.(models|admin|apps|signals|conf)\b|__")
_OURS = ("connectors", "currents_admin", "exporter", "tests")


@dataclass(slots=True)
class Ran:
    """What became of the chosen tests; the run ends with the first that fails or hangs."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    hung: str = ""
    asked: int = 0
    loaded: bool = False

    @property
    def passed(self) -> list[str]:
        return [test for test in self.seconds if test not in (self.failed, self.hung)]


class Runner:
    """Runs tests from `tree`, below `folder`, against the services the environment names."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree = tree
        self._told, self._chosen, self._output = (folder / name for name in ("told", "chosen", "output"))
        self._url = os.environ["DATABASE_URL"]
        # By its folder: several runs may stand side by side on one server.
        self._database = f"mutants_{crc32(str(folder).encode()):08x}"
        self._runs = 0

    def prepare(self) -> None:
        """The clean database, with its tables."""
        self._drop(f"{self._database}_clean")
        pid = self._fork([], _make_clean)
        _, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(f"The tables could not be made:\n{self._output.read_text()[-2000:]}")
        _preload(self._told.read_text().split())

    def run(self, tests: list[str], seconds: dict[str, float]) -> Ran:
        """`seconds`: what each takes without a fault; one that takes very much longer is said to hang."""
        self._runs += 1
        pid = self._fork(tests, _run)
        try:
            return self._watch(pid, seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            self._drop(self._database)

    def _fork(self, tests: list[str], what: object) -> int:
        self._told.write_text("")
        self._chosen.write_text("\n".join(tests))
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            self._become()
            what(tests, self._url, self._database)  # type: ignore[operator]
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    def _become(self) -> None:
        output = os.open(self._output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        os.chdir(self.tree)
        for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
            del sys.modules[name]
        root = str(Path(__file__).resolve().parents[2])
        sys.path[:] = [str(self.tree), *(place for place in sys.path if place not in ("", root))]
        # Bytecode is told apart by second and size: a fault of the same size would be taken for the whole module.
        sys.dont_write_bytecode = True
        os.environ |= {
            telling.TOLD: str(self._told),
            telling.CHOSEN: str(self._chosen),
            "REDIS_KEY_PREFIX": f"{self._database}-{self._runs}-",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _watch(self, pid: int, seconds: dict[str, float]) -> Ran:
        ran = Ran()
        running, since, seen = "", time.monotonic(), 0
        while True:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            told = self._told.read_text()
            lines = told[seen:].splitlines(keepends=True)
            for line in lines:
                if line.endswith("\n"):
                    seen += len(line)
                    running, since = _note(ran, json.loads(line), running, since)
            if ran.failed:
                return ran
            if ended:
                # It went down with the test: a crash is seen as a failure is.
                ran.failed = running
                return ran
            limit = (
                PATIENCE_SECONDS + PATIENCE_FACTOR * seconds.get(running, 1.0) if running else START_SECONDS
            )
            if time.monotonic() - since > limit:
                ran.hung = running or "(loading)"
                return ran
            time.sleep(0.02)

    def _drop(self, name: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def _note(ran: Ran, what: dict[str, object], running: str, since: float) -> tuple[str, float]:
    """Takes one told line into `ran`; which test runs now, and since when."""
    if "asked" in what:
        ran.asked, ran.loaded = int(str(what["asked"])), True
    elif "begins" in what:
        return str(what["begins"]), time.monotonic()
    elif "ends" in what:
        return "", time.monotonic()
    else:
        test = str(what["test"])
        ran.seconds[test] = ran.seconds.get(test, 0.0) + float(str(what["seconds"]))
        if what["outcome"] == "failed":
            ran.failed = test
    return running, since


def _make_clean(_tests: list[str], _url: str, name: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "currents_admin.settings"
    import django

    django.setup()
    from django.db import connection

    connection.settings_dict.setdefault("TEST", {})["NAME"] = f"{name}_clean"
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    connection.close()
    # What pytest makes of the tests is kept beside them; no fault is ever put there.
    sys.dont_write_bytecode = False
    import pytest

    pytest.main(["--collect-only", "-qq", *_PLAIN, "tests/exporter"])
    Path(os.environ[telling.TOLD]).write_text("\n".join(sys.modules))


def _preload(names: list[str]) -> None:
    """Loads for all runs what the product loads of others; what needs its settings is left to each run."""
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    for name in names:
        if name.partition(".")[0] not in _OURS and not _WANTS_SETTINGS.search(name):
            with contextlib.suppress(Exception):
                import_module(name)
    gc.freeze()


def _run(tests: list[str], url: str, name: str) -> None:
    import pytest
    from django.test import utils

    def clone(*_: object, **__: object) -> list[object]:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{name}_clean" STRATEGY FILE_COPY'.encode()
            )
        from django.db import connection as ours

        ours.close()
        ours.settings_dict["NAME"] = name
        return []

    utils.setup_databases = clone  # type: ignore[assignment]
    utils.teardown_databases = lambda *_, **__: None
    # The same examples in every run: a fault must not be seen by luck, nor missed by it.
    import hypothesis

    # Nor is a machine that others use too a reason to fail.
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    pytest.main(["-x", "-q", *_PLAIN, "-p", "tests.mutants.telling", *files])
