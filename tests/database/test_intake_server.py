"""What the door promises behind the real web server: bodies that break off, come in chunks or explode."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from connectors.models import IntakeToken
from exporter import event_log
from tests.factories import IntakeTokenFactory, event

pytestmark = pytest.mark.django_db(transaction=True)


def database_url() -> str:
    given = connection.settings_dict
    host = f"?host={quote(str(given['HOST']), safe='')}" if str(given["HOST"]).startswith("/") else ""
    place = "" if host else f"{given['HOST']}:{given['PORT'] or 5432}"
    account = f"{quote(str(given['USER']), safe='')}:{quote(str(given['PASSWORD']), safe='')}"
    return f"postgresql://{account}@{place}/{given['NAME']}{host}"


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "gunicorn", "-c", "currents_admin/web_server.py"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "currents_admin.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url(), "DEBUG": "1", "ALLOWED_HOSTS": "127.0.0.1"},
            stdout=output,
            stderr=output,
        )
    try:
        wait_until_open(port, process)
        yield Server(port, IntakeTokenFactory.create(), log)
    finally:
        process.terminate()
        process.wait(timeout=20)


def chunks(body: bytes, size: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]


def test_bodies_of_every_fate_get_their_answer(server: Server) -> None:
    events = json.dumps({"events": [event(number) for number in range(50)]}).encode()
    chunked = "Transfer-Encoding: chunked"

    assert server.send(b"") == (200, {"accepted": 0, "duplicates": 0, "rejected": []})
    assert server.exchange(chunked, *chunks(b"", 10))[0] == 200

    # Chunked: never taken for an empty probe.
    assert server.exchange(chunked, *chunks(events, 1_000))[1]["accepted"] == 50
    packed = gzip.compress(events)
    status, answer = server.exchange(f"{chunked}\r\nContent-Encoding: gzip", *chunks(packed, 100))
    assert (status, answer["duplicates"]) == (202, 50)
    assert server.exchange(chunked, *chunks(b" " * 10_000_001, 1_000_000))[0] == 413

    # Broken off: nothing of it is acknowledged.
    broken = json.dumps([event(number) for number in range(100, 103)]).encode()
    assert server.exchange(f"Content-Length: {len(broken) + 9}", broken, half_close=True)[0] in (0, 400)
    assert server.exchange("Content-Length: 500", half_close=True)[0] in (0, 400)
    assert server.exchange(chunked, *chunks(broken, 50)[:-2], half_close=True)[0] in (0, 400)
    assert server.exchange(chunked, b"zz\r\nnonsense\r\n", half_close=True)[0] in (0, 400)

    # A bomb, and what is too large by its own word.
    bomb = gzip.compress(b" " * 100_000_000)
    assert server.send(bomb, "Content-Encoding: gzip")[0] == 413
    assert server.send(b" " * 10_000_001)[0] == 413

    # Refused before the body was read: the sender sees the answer all the same.
    assert server.exchange(f"{chunked}\r\nContent-Encoding: br", *chunks(events * 50, 50_000))[0] == 415

    assert server.send(json.dumps(event(999)).encode())[1]["accepted"] == 1
    assert event_log.head(server.token.workspace_id) == 51
    assert b"Traceback" not in server.log.read_bytes()
