"""What the front refuses before any view sees it is told in a line each, without a word of the client's."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.http import errors

from currents_admin.front import refusals
from currents_admin.front.framing import MOST_HEAD
from tests.support.sandbox_calls import until
from tests.support.serving import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = b"somebody-at-home"
_INTAKE = b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_ASKS = b"GET /?who=" + SECRET
REFUSED = {
    "garbage": (b"\x16\x03\x01" + SECRET + b"\r\n\r\n", 400, "other"),
    "no end of the head": (b"GET / HTTP/1.1\r\nX: " + SECRET + b"x" * MOST_HEAD, 431, "other"),
    "a body too large": (_INTAKE + b"Content-Length: 10000001\r\n\r\n", 413, "/api/v1/events"),
    "a token nobody knows": (
        _INTAKE + b"Authorization: Bearer cur_x_" + SECRET + b"\r\nContent-Length: 900000\r\n\r\n",
        401,
        "/api/v1/events",
    ),
    "a method in small letters": (b"gEt /?who=" + SECRET + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, "other"),
    "an address too long": (_ASKS + b"x" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "other"),
    "another protocol": (_ASKS + b" HTTP/9.9\r\nHost: x\r\n\r\n", 400, "other"),
    "another coding": (
        b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: br\r\n\r\n0\r\n\r\n",
        501,
        "other",
    ),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, LOG_FORMAT="json") as started:
        yield started


def answered(server: Server, raw: bytes) -> int:
    with socket.create_connection(("127.0.0.1", server.port), timeout=40) as line:
        line.sendall(raw)
        said = b""
        while piece := line.recv(65_536):
            said += piece
    problem = json.loads(said.partition(b"\r\n\r\n")[2])
    assert problem["status"] == int(said.split()[1])
    return int(problem["status"])


def lines(server: Server) -> list[dict[str, Any]]:
    found = [json.loads(one) for one in server.log.read_text().splitlines() if one.startswith("{")]
    return [one for one in found if one["event"] == "front.refused"]


def test_each_refusal_has_one_line_and_quotes_nobody(server: Server) -> None:
    for name, (raw, status, _path) in REFUSED.items():
        assert answered(server, raw) == status, name
    until(lambda: len(lines(server)) == len(REFUSED))
    told = [(line["status"], line["path"]) for line in lines(server)]
    assert told == [(status, path) for _raw, status, path in REFUSED.values()]
    assert all(line["why"] and line["level"] == "warning" for line in lines(server))
    text = server.log.read_text()
    assert SECRET.decode() not in text
    assert "ip=" not in text


def test_a_fault_of_ours_is_no_refusal() -> None:
    assert refusals.status_of(ZeroDivisionError()) is None
    assert refusals.status_of(errors.InvalidResponseHeader("x")) is None
    assert refusals.status_of(errors.InvalidHeader("x")) == 400
