"""The product as a person starts it: real processes, in a folder and on a port of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import psutil
import psycopg

from currents_admin.supervisor import port

ROOT = Path(__file__).resolve().parents[2]
GIVEN_TO_TESTS = (
    "DATABASE_URL",
    "REDIS_URL",
    "REDIS_KEY_PREFIX",
    "SEGMENT_US_URL",
    "SEGMENT_EU_URL",
    "ALLOWED_HOSTS",
)
PARTS = {"postgres", "redis", "sandbox", "web", "worker", "retry-worker", "beat"}


def until(true: Callable[[], object], *, seconds: float) -> float:
    """Waits for it; the seconds that took. Fails when they are over."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, f"not within {seconds} seconds"
        time.sleep(0.02)
    return time.monotonic() - begun


class Running:
    """One folder in which the supervisor is started, possibly several times."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = port.free()
        self.address = f"http://127.0.0.1:{self.port}"
        self.output = folder.with_suffix(".out")
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in GIVEN_TO_TESTS}
        return {**kept, "CURRENTS_VAR": str(self.folder), "PORT": str(self.port), **extra}

    def supervisor(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end."""
        command = [sys.executable, "-m", "currents_admin.supervisor", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment(**extra), capture_output=True, text=True, timeout=60
        )

    def start(self) -> None:
        """Until it says that it is ready."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "currents_admin.supervisor", "run"],
                cwd=ROOT,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(lambda: "is ready" in self.said() or self._process().poll() is not None, seconds=60)
        assert self._process().poll() is None, self.said()

    def said(self) -> str:
        return self.output.read_text()

    def parts(self) -> dict[str, int]:
        return {name: entry["pid"] for name, entry in self._noted().items()}

    def commands(self) -> dict[str, list[str]]:
        return {name: entry["command"] for name, entry in self._noted().items()}

    def descendants(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self._process().pid).children(recursive=True)
        return found

    def services(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / "services.json").read_text())
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self._process().send_signal(number)
        return self._process().wait(30)

    def kill_everything(self) -> None:
        """Nobody gets to say goodbye."""
        processes = [psutil.Process(self._process().pid), *self.descendants()]
        for process in processes:
            process.suspend()
        for process in processes:
            process.kill()
        self._process().wait(10)
        psutil.wait_procs(processes, timeout=10)

    def database_answers(self) -> bool:
        try:
            psycopg.connect(self.services()["database_url"]).close()
        except psycopg.OperationalError:
            return False
        return True

    def login_page(self) -> int:
        try:
            with build_opener().open(f"{self.address}/accounts/login/", timeout=5) as answer:
                return int(answer.status)
        except (URLError, OSError):
            return 0

    def sign_in(self, email: str, password: str) -> bool:
        """Whether the sign-in form gives a session for it."""
        cookies = CookieJar()
        browser: OpenerDirector = build_opener(HTTPCookieProcessor(cookies))
        address = f"{self.address}/accounts/login/"
        page = browser.open(address, timeout=5).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        try:
            browser.open(
                Request(address, urlencode(form).encode(), {"Referer": address}),  # noqa: S310 - our own
                timeout=5,
            )
        except URLError:
            # The page after the sign-in is not what is asked here.
            pass
        return any(cookie.name == "sessionid" for cookie in cookies)

    def _noted(self) -> dict[str, Any]:
        noted: dict[str, Any] = json.loads((self.folder / "pids.json").read_text())
        return noted

    def _process(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process
