"""No client holds a thread: the loop waits for unfinished, silent and greedy ones, and no longer than stated."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from gunicorn.config import Config

from currents_admin.front import limits
from currents_admin.front.admission import Rooms
from currents_admin.front.connection import ClientConnection, Phase
from currents_admin.front.framing import MOST_HEAD, Head
from currents_admin.front.worker import FrontWorker
from tests.support.factories import event
from tests.support.serving import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)
PATIENT = 1.0  # seconds within which others are answered, whatever anybody does


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as started:
        yield started


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=40)


def ask(server: Server, path: str) -> int:
    with connect(server) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return int(heard(line).split()[1])


def heard(line: socket.socket) -> bytes:
    raw = b""
    while piece := line.recv(65_536):
        raw += piece
    return raw


def in_time(server: Server) -> None:
    """`/healthz` and the intake of others are answered at once."""
    began = time.monotonic()
    assert ask(server, "/healthz") == 200
    assert server.send(json.dumps(event(1)).encode())[0] == 202
    assert time.monotonic() - began < PATIENT


UNFINISHED = {
    "silent": b"",
    "half a head": b"POST /api/v1/events HTTP/1.1\r\nHost: x",
    "no body": b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    "half a form": b"POST /accounts/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nlogin=",
    "no chunk": b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_sixty_four_unfinished_requests_delay_nobody(server: Server, kind: str) -> None:
    server.send(b"")
    with ExitStack() as lines:
        for _ in range(64):
            lines.enter_context(connect(server)).sendall(UNFINISHED[kind])
        in_time(server)
        in_time(server)


def test_a_thousand_slow_clients_delay_nobody(server: Server) -> None:
    server.send(b"")
    with ExitStack() as lines:
        slow = [lines.enter_context(connect(server)) for _ in range(1_000)]
        for line in slow:
            line.sendall(UNFINISHED["half a head"])
        for line in slow:
            line.sendall(b"y")
        in_time(server)


def test_an_unfinished_head_is_told_so_in_time(server: Server) -> None:
    with connect(server) as line, connect(server) as silent:
        line.sendall(UNFINISHED["half a head"])
        answer = heard(line)
        assert b"HTTP/1.1 408 " in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["detail"].startswith("The request did not arrive")
        assert heard(silent) == b"", "who says nothing is hung up on"
    assert "front.refused status=408" in server.log.read_text()


def test_a_large_body_without_a_good_token_is_refused_before_it_is_sent(server: Server) -> None:
    head = b"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 900000\r\n\r\n"
    with connect(server) as line:
        line.sendall(head % b"cur_nobody_nothing")
        assert heard(line).startswith(b"HTTP/1.1 401 ")


def test_a_body_beyond_the_limit_is_refused_by_its_length(server: Server) -> None:
    assert server.exchange("Content-Length: 10000001")[0] == 413
    with connect(server) as line:
        line.sendall(b"POST /accounts/login/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n")
        assert heard(line).startswith(b"HTTP/1.1 413 ")


def test_a_large_body_of_a_good_token_is_taken(server: Server) -> None:
    events = json.dumps({"events": [event(number) for number in range(1_000)]}).encode()
    assert len(events) > 100_000
    sized = f"Content-Type: application/json\r\nContent-Length: {len(events)}"
    assert server.exchange(sized, events)[1]["accepted"] == 1_000


def test_who_asks_whether_to_go_on_is_told(server: Server) -> None:
    with connect(server) as line:
        line.sendall(b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n")
        line.sendall(b"Connection: close\r\nContent-Length: 2\r\n\r\n")
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"[]")
        assert heard(line).startswith(b"HTTP/1.1 401 ")


def test_requests_sent_ahead_are_answered_in_order(server: Server) -> None:
    first = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    second = b"GET /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connect(server) as line:
        line.sendall(first + second + last)
        line.shutdown(socket.SHUT_WR)
        told = heard(line)
    assert told.count(b"HTTP/1.1 200 OK") >= 2


def test_a_reader_who_does_not_read_costs_no_thread(server: Server) -> None:
    with ExitStack() as lines:
        for _ in range(24):
            line = lines.enter_context(connect(server))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            for _ in range(10):
                line.sendall(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        # The answers are made first, which is work like any other; then they lie there and nobody takes them.
        assert server.send(b"")[0] == 200
        in_time(server)


def test_chunks_behind_a_life_sign_are_its_body_and_no_request(server: Server) -> None:
    """A proxy that keeps its connection would give the second answer to somebody else."""
    with connect(server) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.sendall(b"5\r\nGET /\r\n0\r\n\r\n")
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert heard(line).count(b"HTTP/1.1 200 OK") == 2


def test_a_slash_too_many_takes_as_much_as_the_address_itself(server: Server) -> None:
    events = json.dumps({"events": [event(number) for number in range(6_000)]}).encode()
    assert 1_000_000 < len(events) < 10_000_000
    bearer = f"Authorization: Bearer cur_{server.token.prefix}_test"
    head = f"POST /api/v1/events/ HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n"
    with connect(server) as line:
        line.sendall(f"{head}Connection: close\r\nContent-Length: {len(events)}\r\n\r\n".encode() + events)
        assert heard(line).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "header", ["SCRIPT_NAME: /elsewhere", "PATH_INFO: /elsewhere", "Script-Name: /elsewhere"]
)
def test_no_header_moves_the_application_to_another_path(server: Server, header: str) -> None:
    with connect(server) as line:
        line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n".encode())
        told = heard(line)
    assert b"elsewhere" not in told
    assert told.startswith(b"HTTP/1.1 302 ")


def test_what_is_sent_ahead_of_its_turn_is_left_to_the_system() -> None:
    """So a connection holds its head and its body, however fast its client sends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = ClientConnection(Config(), ours, None, None)
        assert conn.wanted() == MOST_HEAD
        conn.phase, conn.buffer = Phase.HEAD, bytearray(100)
        assert conn.wanted() == MOST_HEAD - 100
        conn.phase, conn.head, conn.body_at = Phase.BODY, Head("POST", "/", length=1_000), 50
        assert conn.wanted() == 950
        conn.head.length = 10_000_000
        assert conn.wanted() == limits.READ_BYTES


@pytest.mark.parametrize("step", ["_wait_for_next", "_close"])
def test_a_connection_that_was_answered_holds_nothing_of_its_request(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its room was given back, so another body may stand there."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = ClientConnection(Config(), ours, None, None)
        conn.buffer = bytearray(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n" + bytes(9))
        conn.body_at = len(conn.buffer) - 9
        conn.take(len(conn.buffer))
        conn.parse()
        worker = FrontWorker.__new__(FrontWorker)
        worker.rooms, worker.connections, worker.alive = Rooms(), {conn: None}, True
        monkeypatch.setattr(worker, "_send_on", lambda _conn: None)
        getattr(worker, step)(conn)
        assert (bytes(conn.whole), conn.parser, bytes(conn.buffer)) == (b"", None, b"")


def test_answers_nobody_takes_have_a_bound_together_and_the_largest_go_first() -> None:
    @dataclass
    class Waiting:
        unsent: bytearray

    many = [Waiting(bytearray(size)) for size in (0, 1_000, 40_000_000, 60_000_000, 90_000_000)]
    assert limits.beyond_their_share(many[:4]) == []
    assert limits.beyond_their_share(many) == many[4:]


def test_the_times_are_those_the_security_page_states() -> None:
    assert (limits.HEAD_SECONDS, limits.BODY_SECONDS, limits.BYTES_A_SECOND) == (10, 20, 50_000)


ODD = {
    "a length beside chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a name that ends in a blank": b"Content-Length : 40\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    "an encoding nobody knows": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a folded length": b"Content-Length:\r\n 5\r\n\r\nabcde",
    "a chunk of 4 GB": b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nabc",
    "too many headers": b"".join(b"X%d: y\r\n" % n for n in range(5_000)) + b"\r\n",
}


def test_odd_requests_end_themselves_and_nobody_else(server: Server) -> None:
    odd = random.Random(4)
    start = b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for raw in ODD.values():
        with connect(server) as line:
            line.sendall(start + raw)
            line.shutdown(socket.SHUT_WR)
            assert heard(line)[9:12] in (b"400", b"401", b"431", b"501")
    for _ in range(100):
        bent = bytearray(start + odd.choice(list(ODD.values())))
        for _ in range(odd.randint(1, 8)):
            bent[odd.randrange(len(bent))] = odd.randrange(256)
        with connect(server) as line, suppress(OSError):
            line.sendall(bent)
            line.shutdown(socket.SHUT_WR)
            heard(line)
    with connect(server) as line, suppress(OSError):
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 7_000)
    in_time(server)
    log = server.log.read_text()
    assert (log.count("Booting worker"), "A connection was ended" in log) == (1, False)
