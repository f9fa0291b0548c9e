"""The wire: many small requests under way at once, by one thread that never waits for any of them.

A thread for each request costs more than the request: every call of the network gives the interpreter away and has to
win it back from all the others. Here one thread sends what fits into a socket at once and reads answers as they come.
What is anything but that is flown by a thread of `Senders`, as every other request: opening a connection, a body the
socket does not take whole, an answer longer than one read.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Literal

import structlog

from exporter.destinations.connection import Connection
from exporter.destinations.flight import Flight, Launcher, connections
from exporter.destinations.http_answer import AnswerReader, HttpAnswer
from exporter.destinations.sender import Senders

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
# Of one answer; a longer one is read by a thread.
MOST_RECEIVED = 16_384
_NOT_YET = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Unfinished(Exception):
    """The answer goes on."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A flight whose request was sent, and what has come for it."""

    flight: Flight
    connection: Connection
    received: bytes = b""
    end: OSError | Literal["closed"] | None = None

    def receive(self) -> None:
        try:
            got = self.connection.sock.recv(MOST_RECEIVED)
        except _NOT_YET:
            return
        except OSError as fault:
            self.end = fault
        else:
            self.received += got
            self.end = None if got else "closed"

    def answer(self) -> HttpAnswer | None:
        """The answer, once it is whole.

        Raises:
            Broken: what came is not one.
            OSError: the connection broke before there was one.
        """
        try:
            return AnswerReader(self._more, self.received).read()
        except _Unfinished:
            return None

    def _more(self, _size: int) -> bytes:
        if self.end == "closed":
            return b""
        raise self.end or _Unfinished


class Wire(Launcher):
    """`senders` fly what the wire does not. Its own thread starts with the first request and is never waited for."""

    def __init__(self, senders: Senders, name: str = "wire") -> None:
        self._senders, self._name = senders, name
        self._lock = threading.Lock()
        self._waiting: deque[Flight] = deque()
        self._under_way: set[_UnderWay] = set()
        self._thread: threading.Thread | None = None
        self._looked = 0.0

    def take(self, flight: Flight) -> None:
        with self._lock:
            first = not self._waiting
            self._waiting.append(flight)
            if self._thread is None:
                self._begin_thread()
        if first:
            self._bell.send(b"!")

    def _begin_thread(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell, self._heard = socket.socketpair()
        self._bell.setblocking(False)
        self._heard.setblocking(False)
        self._selector.register(self._heard, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._turn()
            except Exception:  # whatever happens to one, the others are waited for
                log.exception("delivery.fault", doing="wire")

    def _turn(self) -> None:
        waits = bool(self._under_way or self._waiting)
        for key, _events in self._selector.select(LOOK_SECONDS if waits else None):
            if key.data is None:
                self._heard.recv(4096)
            else:
                key.data.receive()
                self._judge(key.data)
        while (flight := self._next()) is not None:
            self._send(flight)
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            for one in [one for one in self._under_way if one.flight.deadline < now]:
                # A status that has come counts, however the rest of its answer breaks off.
                one.end = TimeoutError()
                self._judge(one)

    def _next(self) -> Flight | None:
        # Under the lock, so that whoever comes next knows whether the bell must be rung.
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _send(self, flight: Flight) -> None:
        if flight.done:
            return
        connection = connections.lend(flight.to.origin)
        if connection is None:
            self._senders.take(flight)
            return
        one = _UnderWay(flight, connection)
        try:
            flight.board(connection)
        except TimeoutError as fault:
            connection.close()
            flight.fail(fault)
            return
        try:
            request = flight.request()
            sent = self._some(connection, request)
        except Exception as fault:
            self._end(one, fault)
            return
        if sent < len(request):
            self._hand_over(one, request[sent:])
            return
        self._selector.register(connection.sock, selectors.EVENT_READ, one)
        self._under_way.add(one)

    def _some(self, connection: Connection, request: bytes) -> int:
        try:
            return connection.sock.send(request)
        except _NOT_YET:
            return 0

    def _judge(self, one: _UnderWay) -> None:
        """Ends it where what has come is an answer, or will be none."""
        try:
            answer = one.answer()
        except Exception as fault:
            self._forget(one)
            self._end(one, fault)
            return
        if answer is not None:
            self._forget(one)
            one.flight.leave(answer)
            one.flight.succeed(answer)
        elif len(one.received) >= MOST_RECEIVED:
            self._forget(one)
            self._hand_over(one, b"")

    def _end(self, one: _UnderWay, fault: Exception) -> None:
        one.flight.leave(None)
        if one.flight.may_be_repeated(fault, one.connection):
            self._senders.take(one.flight)
        else:
            one.flight.fail(fault)

    def _hand_over(self, one: _UnderWay, left: bytes) -> None:
        one.flight.goes_on(left, one.received)
        self._senders.take(one.flight)

    def _forget(self, one: _UnderWay) -> None:
        self._under_way.discard(one)
        self._selector.unregister(one.connection.sock)
