"""A set of sending threads: no more than it may have, and none for what nobody waits for any more."""

from __future__ import annotations

import socket
import threading

from exporter.destinations import sender
from tests.exporter.destinations.test_sender import OK
from tests.support.raw_server import raw_server


def test_a_flight_cut_before_its_turn_is_never_sent() -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(sock: socket.socket) -> None:
        asked.set()
        over.wait(10)
        sock.sendall(OK)

    one_thread = sender.Senders(1)
    with raw_server(hang, OK, OK) as server:
        to = sender.endpoint(server.url)
        first_landed, last_landed = threading.Event(), threading.Event()
        first = one_thread.launch(to, b"x", lambda: b"first", first_landed.set)
        assert asked.wait(5)
        second = one_thread.launch(to, b"x", lambda: b"second")
        last = one_thread.launch(to, b"x", lambda: b"last", last_landed.set)
        second.cut()
        assert second.done
        assert not first.done
        over.set()
        assert last_landed.wait(5)
        assert [first.answer().status, last.answer().status] == [200, 200]
        assert [request.rpartition(b"\r\n\r\n")[2] for request in server.requests] == [b"first", b"last"]


def test_a_set_of_senders_has_no_more_threads_than_it_may() -> None:
    go_on = threading.Event()

    def hold(sock: socket.socket) -> None:
        go_on.wait(10)
        sock.sendall(OK)

    senders = sender.Senders(3, "counted")
    with raw_server(*[hold] * 8) as server:
        to = sender.endpoint(server.url)
        landed = [threading.Event() for _ in range(8)]
        for event in landed:
            senders.launch(to, b"x", lambda: b"{}", event.set)
        assert sum(thread.name.startswith("counted") for thread in threading.enumerate()) == 3
        go_on.set()
        assert all(event.wait(5) for event in landed)
