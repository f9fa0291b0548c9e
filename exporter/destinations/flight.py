"""A flight: one request on its way, from the moment it was asked for to its `Answer`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from exporter.destinations.answer import OF_OURS, Answer
from exporter.destinations.connection import RESET, TIMED_OUT, Connection, Connections, connect, fault_name
from exporter.destinations.endpoint import Endpoint
from exporter.destinations.http_answer import NO_ANSWER, Broken, HttpAnswer

WHOLE_SECONDS = 20.0
# A connection unused for so long may be closed by the other end just as we send.
IDLE_SECONDS = 2.0

# Of the whole process: whoever sends to the same host shares them.
connections = Connections()


class Flight:
    """A request on its way. `answer()` is for when it is `done`; `started` and `deadline` are monotonic seconds."""

    __slots__ = (
        "_answer",
        "_authorization",
        "_began",
        "_body",
        "_connection",
        "_done",
        "_landed",
        "_lock",
        "_rest",
        "cut_short",
        "deadline",
        "started",
        "to",
    )

    def __init__(
        self,
        to: Endpoint,
        authorization: bytes,
        body: Callable[[], bytes],
        done: Callable[[], None] | None,
        deadline: float | None,
    ) -> None:
        self.started = time.monotonic()
        self.deadline = self.started + WHOLE_SECONDS if deadline is None else deadline
        self.to = to
        self.cut_short = False
        self._authorization = authorization
        self._body = body
        self._done = done
        self._lock = threading.Lock()
        self._landed = False
        self._connection: Connection | None = None
        self._answer: Answer | None = None
        self._rest: tuple[bytes, bytes] | None = None
        self._began = self.started

    @property
    def done(self) -> bool:
        return self._answer is not None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def answer(self) -> Answer:
        """Raises:
        RuntimeError: it is still on its way.
        """
        if self._answer is None:
            raise RuntimeError("the request is still on its way")
        return self._answer

    @property
    def overdue(self) -> bool:
        """Past its deadline and not ended: a name look-up cannot be hurried, only cut."""
        return self._answer is None and time.monotonic() > self.deadline

    def cut(self) -> None:
        """Ends it now. If it was not sent yet, it will not be; otherwise its outcome is unknown."""
        with self._lock:
            if self._landed:
                return
            self.cut_short = True
            connection = self._connection
        if connection is None:
            self.end(Answer(status=None, error=TIMED_OUT, milliseconds=self.seconds * 1000))
        else:
            connection.break_off()

    def fly(self) -> None:
        """Sends and reads in this thread; always ends in an answer, because somebody waits for it."""
        if self._answer is not None:
            return
        try:
            if self._rest is None:
                self._began = time.monotonic()
                got = self._exchange()
            else:
                got = self._go_on(*self._rest)
        except Exception as fault:
            self.fail(fault)
        else:
            self.succeed(got)

    # --- Steps, for who sends without waiting -----------------------------------------------------------------------

    def board(self, connection: Connection) -> None:
        """Takes a connection, which a cut breaks off from now on.

        Raises:
            TimeoutError: it was cut already.
        """
        with self._lock:
            if self.cut_short:
                raise TimeoutError
            self._connection = connection
        self._began = time.monotonic()

    def request(self) -> bytes:
        """The whole request, its body made now. Raises whatever the maker of the body does."""
        body = self._body()
        own = b"Authorization: %b\r\n" % self._authorization if self._authorization else b""
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (self.to.head, own, len(body), body)

    def leave(self, answer: HttpAnswer | None) -> None:
        """Gives its connection back after an answer that was read whole; closes it after anything else."""
        with self._lock:
            connection, self._connection = self._connection, None
            if answer is not None:
                self._landed = True
            reusable = answer is not None and answer.reusable and not self.cut_short
        if connection is not None:
            if reusable:
                connections.give_back(connection)
            else:
                connection.close()

    def goes_on(self, left: bytes, received: bytes) -> None:
        """The next `fly` goes on where somebody else stopped: with what is left to send, and what has come."""
        self._rest = (left, received)

    def may_be_repeated(self, fault: Exception, connection: Connection) -> bool:
        """Whether the other end closed the idle connection: nothing was taken, so this is no failure."""
        idled = connection.rested > IDLE_SECONDS
        return idled and not self.cut_short and fault_name(fault) in (NO_ANSWER, RESET)

    def succeed(self, got: HttpAnswer) -> None:
        self.end(Answer(got.status, got.headers, got.body, got.remark, self._milliseconds()))

    def fail(self, fault: Exception) -> None:
        if not isinstance(fault, (Broken, OSError, ValueError)):
            error = f"{OF_OURS} ({type(fault).__name__})"
        else:
            error = TIMED_OUT if self.cut_short else fault_name(fault)
        self.end(Answer(None, {}, b"", error, self._milliseconds()))

    def end(self, answer: Answer) -> None:
        with self._lock:
            if self._answer is not None:
                return
            self._answer = answer
        if self._done is not None:
            self._done()

    # --- In one thread ----------------------------------------------------------------------------------------------

    def _milliseconds(self) -> float:
        return (time.monotonic() - self._began) * 1000

    def _exchange(self) -> HttpAnswer:
        connection = connections.lend(self.to.origin)
        if connection is not None:
            try:
                return self._whole(connection)
            except (Broken, OSError) as fault:
                if not self.may_be_repeated(fault, connection):
                    raise
        return self._anew()

    def _anew(self) -> HttpAnswer:
        return self._whole(connect(self.to, self.deadline))

    def _go_on(self, left: bytes, received: bytes) -> HttpAnswer:
        held = self._connection
        if held is None:
            raise TimeoutError
        try:
            return self._over(held, left, received)
        except (Broken, OSError) as fault:
            if received or not self.may_be_repeated(fault, held):
                raise
        return self._anew()

    def _whole(self, connection: Connection) -> HttpAnswer:
        try:
            self.board(connection)
        except TimeoutError:
            connection.close()
            raise
        try:
            request = self.request()
        except BaseException:
            self.leave(None)
            raise
        return self._over(connection, request, b"")

    def _over(self, connection: Connection, left: bytes, received: bytes) -> HttpAnswer:
        answer = None
        try:
            answer = connection.exchange(left, self.deadline, received).read()
        finally:
            self.leave(answer)
        return answer


class Launcher:
    """Whoever flies flights: `take` sees to it that one is flown, by other threads than its caller's."""

    def launch(
        self,
        to: Endpoint,
        authorization: bytes,
        body: Callable[[], bytes],
        done: Callable[[], None] | None = None,
        *,
        deadline: float | None = None,
    ) -> Flight:
        """Sends `body()` to `to`; calls `done` at the end, from another thread.

        `body` is called when the request begins, so that `sentAt` is true. `deadline`: monotonic seconds.
        """
        flight = Flight(to, authorization, body, done, deadline)
        self.take(flight)
        return flight

    def take(self, flight: Flight) -> None:
        raise NotImplementedError
