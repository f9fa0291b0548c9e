"""The sender: one POST, one `Answer`. The only module that speaks HTTP to destinations.

It works on sockets because a small request is mostly the cost of the library that sends it (docs/performance.md has
the figures). Its parts are `endpoint` (where to, prepared once), `connection` (kept, and lent by host), `http_answer`
(what came back), `flight` (one request on its way) and `wire` (many small ones at once). How to use it:

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
from exporter.destinations.endpoint import Endpoint, basic, endpoint
from exporter.destinations.flight import WHOLE_SECONDS, Flight, Launcher, connections

__all__ = ["Endpoint", "Flight", "Senders", "basic", "close_idle", "endpoint", "launch", "post"]

# Room for 16 turns with 8 bodies in flight each; threads exist only once they are used.
MOST_THREADS = 128


class Senders(Launcher):
    """A bounded set of sending threads, started as needed and never waited for when the process ends."""

    def __init__(self, most: int, name: str = "sender") -> None:
        self._most = most
        self._name = name
        self._waiting: SimpleQueue[Flight] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # Idle threads, minus the flights handed over and not taken yet.
        self._free = 0

    def take(self, flight: Flight) -> None:
        """Flies it in one of the threads."""
        with self._lock:
            self._free -= 1
            new = self._free < 0 and self._threads < self._most
            if new:
                self._threads += 1
                self._free += 1
        self._waiting.put(flight)
        if new:
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._waiting.get().fly()
            with self._lock:
                self._free += 1


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
    connections.close()
