"""The real web server on the test's database, for tests of what only it and the product do together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from connectors.models import IntakeToken
from currents_admin import local
from tests.support.factories import IntakeTokenFactory


def database_url(name: str | None = None) -> str:
    """The address of the test's database, or of another one beside it."""
    given = connection.settings_dict
    host = f"?host={quote(str(given['HOST']), safe='')}" if str(given["HOST"]).startswith("/") else ""
    place = "" if host else f"{given['HOST']}:{given['PORT'] or 5432}"
    account = f"{quote(str(given['USER']), safe='')}:{quote(str(given['PASSWORD']), safe='')}"
    return f"postgresql://{account}@{place}/{name or given['NAME']}{host}"


@dataclass
class Server:
    """A web server of its own on the test's database."""

    port: int
    token: IntakeToken
    log: Path

    def exchange(self, head: str, *pieces: bytes, half_close: bool = False) -> tuple[int, dict[str, Any]]:
        """Sends the bytes as they are; answers status and JSON. A status of 0 is a closed connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            lines = f"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}\r\n"
            authorization = f"Authorization: Bearer cur_{self.token.prefix}_test\r\n"
            line.sendall((lines + authorization + "\r\n").encode())
            for piece in pieces:
                line.sendall(piece)
            if half_close:
                line.shutdown(socket.SHUT_WR)
            raw = b""
            while piece := line.recv(65_536):
                raw += piece
        start, _, body = raw.partition(b"\r\n\r\n")
        return (int(start.split()[1]), json.loads(body)) if start else (0, {})

    def send(self, body: bytes, head: str = "Content-Type: application/json") -> tuple[int, dict[str, Any]]:
        return self.exchange(f"{head}\r\nContent-Length: {len(body)}", body)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the web server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("the web server did not open its port")


def surroundings() -> dict[str, str]:
    """The environment of a part on the test's database."""
    given = {"DATABASE_URL": database_url(), "CURRENTS_VAR": str(local.folder())}
    return os.environ | given | {"DEBUG": "1", "ALLOWED_HOSTS": "127.0.0.1"}


@contextmanager
def serving(
    folder: Path, port: int = 0, *, code: Path = settings.BASE_DIR, **variables: str
) -> Iterator[Server]:
    """A web server while it is needed, with its log in the folder and a token of every scope; on a port of its own or
    on the one given; of the code in another folder, and with more variables."""
    port, log = port or free_port(), folder / "log"
    command = [sys.executable, "-m", "gunicorn", "-c", "currents_admin/web_server.py"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "currents_admin.wsgi:application"],
            cwd=code,
            env=surroundings() | variables,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until_open(port, process)
        yield Server(port, IntakeTokenFactory.create(), log)
    finally:
        process.terminate()
        process.wait(timeout=20)
