"""What another side may answer: the right answer counts, and a connection in doubt is never used again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from exporter.destinations import connection, flight, sender, wire
from exporter.destinations.answer import Answer
from exporter.destinations.http_answer import MOST_BODY_BYTES
from tests.support.open_connection import keep_one_open
from tests.support.raw_server import RawServer, raw_server

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}'
BAD = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops"


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    sender.close_idle()
    sender.endpoint.cache_clear()


Ask = Callable[..., Answer]
WIRE = wire.Wire(sender.Senders(8, "wired"), "wire")


def posted(server: RawServer, body: bytes = b"{}") -> Answer:
    return sender.post(sender.endpoint(server.url), sender.basic("key"), lambda: body)


def _wired(server: RawServer, body: bytes = b"{}") -> Answer:
    to = sender.endpoint(server.url)
    keep_one_open(to)
    landed = threading.Event()
    asked = WIRE.launch(to, sender.basic("key"), lambda: body, landed.set)
    assert landed.wait(20)
    return asked.answer()


@pytest.fixture(params=[posted, _wired], ids=["in its thread", "on the wire"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both ways must read the same out of the same bytes."""
    way: Ask = request.param
    return way


def test_a_request_says_where_it_goes_who_sends_it_and_how_long_it_is(ask: Ask) -> None:
    with raw_server(OK) as server:
        answer = ask(server, b'{"batch":[]}')
    assert (answer.status, answer.body, answer.error) == (200, b'{"success":true}', "")
    head, _end, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/batch HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}".encode() in lines
    assert b"Authorization: Basic a2V5Og==" in lines
    assert b"Content-Length: 12" in lines
    assert body == b'{"batch":[]}'


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_an_interim_answer_is_read_past_and_the_real_one_counts(status: int, ask: Ask) -> None:
    interim = b"HTTP/1.1 %d Wait\r\nLink: </style.css>\r\n\r\n" % status
    with raw_server(interim + BAD, OK, interim + interim + OK) as server:
        assert [ask(server).status for _ in range(3)] == [500, 200, 200]
        assert server.connections == 1


def test_interim_answers_without_end_are_a_failure_not_a_wait_without_end(ask: Ask) -> None:
    with raw_server(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000 + OK, OK) as server:
        answer = ask(server)
        assert (answer.status, answer.error) == (None, "only interim answers came")
        assert ask(server).status == 200
        assert server.connections == 2


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(OK + BAD, id="two answers in one packet"),
        pytest.param(OK + b"\r\n", id="bytes after the body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + OK, id="no length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two lengths",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!", id="lengths that differ"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(
            b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n" + BAD, id="a body where none may be"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunks that are none"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", id="closing"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, id="a long body"),
    ],
)
def test_a_connection_in_doubt_carries_no_second_request(odd: bytes, ask: Ask) -> None:
    def say(sock: socket.socket) -> None:
        sock.sendall(odd)
        if odd.startswith(b"HTTP/1.1 200 OK\r\n\r\n"):
            sock.shutdown(socket.SHUT_WR)  # what has no length ends with its connection

    with raw_server(say, BAD) as server:
        first = ask(server)
        assert first.status in (200, 204)
        assert len(first.body) <= MOST_BODY_BYTES
        assert ask(server).status == 500
        assert server.connections == 2


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_requests(ask: Ask) -> None:
    sent = threading.Event()
    go_on = threading.Event()

    def answer_and_then_another(sock: socket.socket) -> None:
        sock.sendall(BAD)
        go_on.wait(5)
        sock.sendall(OK)
        sent.set()

    with raw_server(answer_and_then_another, BAD) as server:
        assert ask(server).status == 500
        go_on.set()
        assert sent.wait(5)
        assert ask(server).status == 500
        assert server.connections == 2


def test_whole_answers_share_one_connection(ask: Ask) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\n...\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"
    with raw_server(OK, chunked, empty, twice, OK) as server:
        bodies = [ask(server).body for _ in range(5)]
        assert bodies == [b'{"success":true}', b"hello...", b"", b"ok", b'{"success":true}']
        assert server.connections == 1


def test_more_headers_than_others_take_are_read(ask: Ask) -> None:
    many = b"".join(b"X-%d: value\r\n" % number for number in range(500))
    with raw_server(
        b"HTTP/1.1 429 Slow\r\n" + many + b"Retry-After: 7\r\nContent-Length: 0\r\n\r\n", OK
    ) as server:
        answer = ask(server)
        assert (answer.status, answer.headers["retry-after"], answer.headers["x-499"]) == (429, "7", "value")
        assert ask(server).status == 200
        assert server.connections == 1


@pytest.mark.parametrize(
    "head", [b"X: " + b"y" * 200_000, b"X: y\r\n" * 50_000], ids=["a line", "many lines"]
)
def test_a_head_without_end_is_bounded_and_its_status_still_counts_once(head: bytes, ask: Ask) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nDate: today\r\n" + head, BAD) as server:
        answer = ask(server)
        assert (answer.status, answer.headers["date"]) == (200, "today")
        assert "longer than 64,000 bytes" in answer.error
        assert ask(server).status == 500
        assert server.connections == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "the answer is not HTTP"),
        (b"y" * 100_000, "the answer is not HTTP"),
        (None, "connection closed without an answer"),
    ],
)
def test_what_is_no_answer_is_a_failure_with_a_plain_name(said: bytes | None, error: str, ask: Ask) -> None:
    def say(sock: socket.socket) -> None:
        if said is not None:
            sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)

    with raw_server(say) as server:
        answer = ask(server)
        assert (answer.status, answer.error) == (None, error)


def test_the_status_counts_although_the_rest_breaks_off(ask: Ask) -> None:
    def say_half(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        sock.shutdown(socket.SHUT_WR)

    with raw_server(say_half) as server:
        answer = ask(server)
        assert (answer.status, answer.body) == (200, b"{")


def test_an_early_refusal_of_a_long_body_is_read_although_the_sending_broke_off() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        sock, _address = listener.accept()
        sock.recv(100)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    to = sender.endpoint(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    answer = sender.post(to, sender.basic("key"), lambda: b"x" * 30_000_000)
    thread.join()
    listener.close()
    assert answer.status == 413 or answer.error == "connection reset"


def test_an_answer_that_dribbles_ends_at_the_deadline() -> None:
    stop = threading.Event()

    def dribble(sock: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n":
            sock.sendall(bytes([byte]))
            if stop.wait(0.02):
                return

    with raw_server(dribble) as server:
        landed = threading.Event()
        to = sender.endpoint(server.url)
        began = time.monotonic()
        flight = sender.launch(to, b"x", lambda: b"{}", landed.set, deadline=began + 0.2)
        assert landed.wait(5)
        stop.set()
    assert (flight.answer().status, flight.answer().error) == (None, "timed out")


def test_a_flight_that_is_cut_ends_at_once_and_its_connection_with_it(ask: Ask) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(_sock: socket.socket) -> None:
        asked.set()
        over.wait(10)

    with raw_server(hang, OK) as server:
        landed = threading.Event()
        flight = sender.launch(sender.endpoint(server.url), b"x", lambda: b"{}", landed.set)
        assert asked.wait(5)
        flight.cut()
        assert landed.wait(5)
        over.set()
        assert (flight.answer().status, flight.answer().error) == (None, "timed out")
        assert ask(server).status == 200
        assert server.connections == 2


def test_a_fault_while_the_body_is_made_is_an_answer() -> None:
    def broken() -> bytes:
        raise ZeroDivisionError

    with raw_server(OK) as server:
        answer = sender.post(sender.endpoint(server.url), b"x", broken)
    assert (answer.status, answer.error) == (None, "internal fault (ZeroDivisionError)")


def test_an_idle_connection_the_other_end_closed_is_opened_again_in_silence(ask: Ask) -> None:
    with raw_server(OK, None, OK) as server:
        assert ask(server).status == 200
        assert ask(server).error == "connection closed without an answer", "it had just been used"


def test_a_connection_that_rested_and_breaks_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr(flight, "IDLE_SECONDS", 0.0)
    with raw_server(OK, None, OK, None, None) as server:
        assert [ask(server).status for _ in range(2)] == [200, 200]
        assert (ask(server).status, len(server.requests)) == (None, 5)


def test_connections_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(OK, OK, OK) as server:
        posted(server)
        monkeypatch.setattr(connection, "LONGEST_LIFE_SECONDS", 0.0)
        posted(server)
        assert server.connections == 2
