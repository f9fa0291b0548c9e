"""The wire: many requests, one thread; whatever one of them does, the others go on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.destinations import connection, sender
from exporter.destinations import flight as flights
from exporter.destinations.sender import Flight, Senders
from exporter.destinations.wire import Wire
from tests.house.running import until
from tests.support.certificates import contexts
from tests.support.open_connection import keep_one_open
from tests.support.raw_server import RawServer, raw_server

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}'


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    sender.close_idle()
    sender.endpoint.cache_clear()


class Line:
    """A wire to one server, and what was launched over it."""

    def __init__(self, server: RawServer, *, opened: int = 1, threads: int = 8) -> None:
        self.wire = Wire(Senders(threads, "line-sender"), "line")
        self.to = sender.endpoint(server.url)
        keep_one_open(self.to, opened)

    def launch(self, body: bytes = b"{}", seconds: float = 10.0) -> tuple[Flight, threading.Event]:
        landed = threading.Event()
        deadline = time.monotonic() + seconds
        return self.wire.launch(self.to, b"x", lambda: body, landed.set, deadline=deadline), landed


def _threads(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())


def test_fifty_requests_wait_for_their_answers_in_one_thread() -> None:
    go_on = threading.Event()
    before = _threads("line")

    def hold(sock: socket.socket) -> None:
        go_on.wait(10)
        sock.sendall(OK)

    with raw_server(*[hold] * 50) as server:
        line = Line(server, opened=50)
        launched = [line.launch() for _ in range(50)]
        until(lambda: len(server.requests) == 50, seconds=10)
        assert _threads("line") == before + 1
        go_on.set()
        assert all(landed.wait(10) for _flight, landed in launched)
        assert {flight.answer().status for flight, _landed in launched} == {200}


@pytest.mark.parametrize(
    ("begins", "status", "error"),
    [
        (b"HTTP/1.1 20", None, "timed out"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", 200, ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 200, ""),
    ],
    ids=["in its status line", "in its headers", "in its body"],
)
def test_an_answer_that_does_not_end_is_over_at_the_deadline_and_holds_up_nobody(
    begins: bytes, status: int | None, error: str
) -> None:
    """As in a thread: the status counts once it is there, or what was accepted would be sent again."""
    stop = threading.Event()

    def hangs(sock: socket.socket) -> None:
        sock.sendall(begins)
        stop.wait(10)

    with raw_server(hangs, OK) as server:
        line = Line(server, opened=2)
        slow, slow_landed = line.launch(seconds=1.0)
        until(lambda: server.requests, seconds=10)
        quick, quick_landed = line.launch()
        assert quick_landed.wait(5)
        assert not slow.done
        assert slow_landed.wait(10)
        stop.set()
    assert quick.answer().status == 200
    assert (slow.answer().status, slow.answer().error) == (status, error)


def test_a_long_body_over_a_connection_that_rested_is_sent_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "IDLE_SECONDS", 0.0)

    def reset(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_RDWR)

    with raw_server(reset, OK) as server:
        line = Line(server)
        flight, landed = line.launch(b"y" * 20_000_000)
        assert landed.wait(20)
        assert (flight.answer().status, flight.answer().error, server.connections) == (200, "", 2)


def test_a_flight_that_is_cut_on_the_wire_ends_at_once_and_its_connection_with_it() -> None:
    over = threading.Event()

    def hang(_sock: socket.socket) -> None:
        over.wait(10)

    with raw_server(hang, OK) as server:
        line = Line(server)
        flight, landed = line.launch(seconds=60)
        until(lambda: server.requests, seconds=10)
        flight.cut()
        assert landed.wait(5)
        over.set()
        assert (flight.answer().status, flight.answer().error) == (None, "timed out")
        again, landed = line.launch()
        assert landed.wait(5)
        assert (again.answer().status, server.connections) == (200, 2)


def test_a_flight_cut_before_it_was_sent_is_never_sent() -> None:
    with raw_server(OK) as server:
        line = Line(server)
        cut = Flight(line.to, b"x", lambda: b"cut", None, None)
        cut.cut()
        line.wire.take(cut)
        _sent, landed = line.launch(b"sent")
        assert landed.wait(5)
        assert [request.rpartition(b"\r\n\r\n")[2] for request in server.requests] == [b"sent"]


def test_a_long_answer_and_a_long_body_are_a_threads_work() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000
    with raw_server(long, OK) as server:
        line = Line(server)
        flight, landed = line.launch()
        assert landed.wait(5)
        assert len(flight.answer().body) == 40_000
        flight, landed = line.launch(b"y" * 20_000_000)
        assert landed.wait(10)
        assert (flight.answer().status, server.connections) == (200, 1)
        assert server.requests[-1].endswith(b"y" * 20_000_000)


def test_a_fault_of_one_is_its_answer_and_the_others_go_on() -> None:
    def broken() -> bytes:
        raise ZeroDivisionError

    def falls(_flight: Flight) -> None:
        raise RuntimeError

    with raw_server(OK, OK) as server:
        line = Line(server, opened=2)
        landed = threading.Event()
        flight = line.wire.launch(line.to, b"x", broken, landed.set)
        assert landed.wait(5)
        assert flight.answer().error == "internal fault (ZeroDivisionError)"
        line.wire.launch(line.to, b"x", lambda: b"{}", lambda: falls(flight))
        flight, landed = line.launch()
        assert landed.wait(5)
        assert flight.answer().status == 200


def test_what_nobody_has_opened_yet_is_opened_by_a_thread() -> None:
    with raw_server(OK, OK) as server:
        line = Line(server, opened=0)
        for _ in range(2):
            flight, landed = line.launch()
            assert landed.wait(5)
            assert flight.answer().status == 200
        assert server.connections == 1


def test_a_whole_answer_in_many_pieces_is_one_answer() -> None:
    def piece_by_piece(sock: socket.socket) -> None:
        for byte in OK:
            sock.sendall(bytes([byte]))

    with raw_server(piece_by_piece, OK) as server:
        line = Line(server)
        for _ in range(2):
            flight, landed = line.launch()
            assert landed.wait(5)
            assert flight.answer().body == b'{"success":true}'
        assert server.connections == 1


def test_what_is_encrypted_goes_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segment is reached over TLS only. An answer comes in several records there, and a record before the first."""
    server_side, client_side = contexts(tmp_path)
    monkeypatch.setattr(connection, "_tls", lambda: client_side)
    head, _end, body = OK.partition(b"\r\n\r\n")

    def in_records(sock: socket.socket) -> None:
        for piece in (head, b"\r\n\r\n", body[:5], body[5:]):
            sock.sendall(piece)

    long = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000
    with raw_server(OK, in_records, long, OK, OK, tls=server_side) as server:
        line = Line(server)
        bodies = []
        for size in (10, 100, 1_000, 3_000_000, 100):
            flight, landed = line.launch(b"y" * size)
            assert landed.wait(10)
            bodies.append((flight.answer().status, len(flight.answer().body), flight.answer().error))
        assert bodies == [(200, 16, ""), (200, 16, ""), (200, 40_000, ""), (200, 16, ""), (200, 16, "")]
        assert server.connections == 1
        assert [len(one.rpartition(b"\r\n\r\n")[2]) for one in server.requests] == [
            10,
            100,
            1_000,
            3_000_000,
            100,
        ]


def test_a_hanging_encrypted_request_is_cut_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_side, client_side = contexts(tmp_path)
    monkeypatch.setattr(connection, "_tls", lambda: client_side)
    over = threading.Event()

    def hang(_sock: socket.socket) -> None:
        over.wait(10)

    with raw_server(hang, OK, tls=server_side) as server:
        line = Line(server, opened=2)
        slow, slow_landed = line.launch(seconds=60)
        until(lambda: server.requests, seconds=10)
        quick, quick_landed = line.launch()
        assert quick_landed.wait(5)
        slow.cut()
        assert slow_landed.wait(5)
        over.set()
    assert (quick.answer().status, slow.answer().status, slow.answer().error) == (200, None, "timed out")
