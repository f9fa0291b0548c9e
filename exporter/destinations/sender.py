"""The sender: one POST, one `Answer`. The only module that speaks HTTP to destinations.

It works on sockets because a small request is mostly the cost of the library that sends it (docs/performance.md has
the figures). Its parts are `endpoint` (where to, prepared once), `connection` (kept, and lent by host) and
`http_answer` (what came back). How to use it:

    to = endpoint(f"{url}/v1/batch")  # once per destination
    flight = launch(to, basic(write_key), make_body, landed.set)
    …  # `landed.set` is called from a thread of the sender
    if flight.done: flight.answer()

A flight ends at its deadline (20 s unless another is given) however slowly the other end dribbles, and at once when any
thread calls `cut()`. `Senders` is a set of threads: whoever must not wait behind hanging requests makes one of their
own. All of them share connections.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from exporter.destinations.answer import Answer
from exporter.destinations.connection import RESET, TIMED_OUT, Connection, Connections, connect, fault_name
from exporter.destinations.endpoint import Endpoint, basic, endpoint
from exporter.destinations.http_answer import NO_ANSWER, Broken, HttpAnswer

__all__ = ["Endpoint", "Flight", "Senders", "basic", "close_idle", "endpoint", "launch", "post"]

WHOLE_SECONDS = 20.0
# A connection unused for so long may be closed by the other end just as we send.
IDLE_SECONDS = 2.0
# Room for 16 turns with 8 bodies in flight each; threads exist only once they are used.
MOST_THREADS = 128


class Flight:
    """A request on its way. `answer()` is for when it is `done`; `started` and `deadline` are monotonic seconds."""

    __slots__ = (
        "_answer",
        "_body",
        "_connection",
        "_done",
        "_landed",
        "_lock",
        "_request",
        "cut_short",
        "deadline",
        "started",
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
        self.cut_short = False
        self._request = (to, authorization)
        self._body = body
        self._done = done
        self._lock = threading.Lock()
        self._landed = False
        self._connection: Connection | None = None
        self._answer: Answer | None = None

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
            self._end(Answer(status=None, error=TIMED_OUT, milliseconds=self.seconds * 1000))
        else:
            connection.break_off()

    def fly(self) -> None:
        """Sends and reads; always ends in an answer, because a turn waits for it."""
        if self._answer is not None:
            return
        began = time.monotonic()
        status, headers, body, error = None, {}, b"", ""
        try:
            got = self._exchange()
            status, headers, body, error = got.status, got.headers, got.body, got.remark
        except (Broken, OSError, ValueError) as fault:
            error = TIMED_OUT if self.cut_short else fault_name(fault)
        except Exception as fault:
            error = f"internal fault ({type(fault).__name__})"
        self._end(Answer(status, headers, body, error, (time.monotonic() - began) * 1000))

    def _end(self, answer: Answer) -> None:
        with self._lock:
            if self._answer is not None:
                return
            self._answer = answer
        if self._done is not None:
            self._done()

    def _exchange(self) -> HttpAnswer:
        to = self._request[0]
        connection = _connections.lend(to.origin)
        if connection is not None:
            try:
                return self._over(connection)
            except (Broken, OSError) as fault:
                idled = connection.rested > IDLE_SECONDS
                if self.cut_short or not idled or fault_name(fault) not in (NO_ANSWER, RESET):
                    raise
                # The other end closed the idle connection; nothing was taken, so this is no failure.
        return self._over(connect(to, self.deadline))

    def _over(self, connection: Connection) -> HttpAnswer:
        reusable = False
        try:
            with self._lock:
                if self.cut_short:
                    raise TimeoutError
                self._connection = connection
            to, authorization = self._request
            body = self._body()
            own = b"Authorization: %b\r\n" % authorization if authorization else b""
            head = b"%b%bContent-Length: %d\r\n\r\n" % (to.head, own, len(body))
            answer = connection.exchange(head + body, self.deadline).read()
            with self._lock:
                self._landed, reusable = True, answer.reusable and not self.cut_short
            return answer
        finally:
            with self._lock:
                self._connection = None
            if reusable:
                _connections.give_back(connection)
            else:
                connection.close()


class Senders:
    """A bounded set of sending threads, started as needed and never waited for when the process ends."""

    def __init__(self, most: int, name: str = "sender") -> None:
        self._most = most
        self._name = name
        self._waiting: SimpleQueue[Flight] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # Idle threads, minus the flights handed over and not taken yet.
        self._free = 0

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
        with self._lock:
            self._free -= 1
            new = self._free < 0 and self._threads < self._most
            if new:
                self._threads += 1
                self._free += 1
        self._waiting.put(flight)
        if new:
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        return flight

    def _work(self) -> None:
        while True:
            self._waiting.get().fly()
            with self._lock:
                self._free += 1


_connections = Connections()
_shared = Senders(MOST_THREADS)
launch = _shared.launch


def post(
    to: Endpoint, authorization: bytes, body: Callable[[], bytes], seconds: float = WHOLE_SECONDS
) -> Answer:
    """One request, waited for in this thread. `authorization` may be empty: then there is no such header."""
    flight = Flight(to, authorization, body, None, time.monotonic() + seconds)
    flight.fly()
    return flight.answer()


def close_idle() -> None:
    """Closes idle connections, for a process that must leave nothing open when it ends."""
    _connections.close()
