"""Patience: how long this process waits for PostgreSQL before it takes the server for dead.

A server that is frozen (a stopped process, a hung disk) keeps its connections open and never answers, and no time-out
of its own runs. So the client counts. Once a wait has run out and nobody else was answered meanwhile, the server counts
as *silent*: everybody else is refused at once, and one caller a second asks again on behalf of all until one is
answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from psycopg import OperationalError

PROBE_SECONDS = 1.0


class Silent(OperationalError):
    """PostgreSQL does not answer, and somebody else has just found that out."""


class Patience:
    """One a process. Without `seconds` (commands, migrations) waits have no end."""

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._guard = threading.Lock()
        self._answered_at = 0.0
        self._ask_again_at: float | None = None

    def begin(self) -> float | None:
        """How many seconds to wait for the answer to come; None for as long as it takes.

        Raises:
            Silent: the server was silent a moment ago.
        """
        if self._ask_again_at is None:
            return self.seconds
        with self._guard:
            again_at = self._ask_again_at
            if again_at and self._clock() < again_at:
                raise Silent("PostgreSQL does not answer.")
            self._ask_again_at = self._clock() + PROBE_SECONDS
        return PROBE_SECONDS

    def answered(self) -> None:
        self._answered_at = self._clock()
        if self._ask_again_at is not None:
            with self._guard:
                self._ask_again_at = None

    def ran_out(self, waited: float) -> None:
        """A wait of so many seconds was in vain. One slow statement among others that are answered proves nothing."""
        with self._guard:
            if self._answered_at < self._clock() - waited or self._ask_again_at is not None:
                self._ask_again_at = self._clock() + PROBE_SECONDS


# Given its seconds where a process starts: by the web server, by Celery.
PATIENCE = Patience()
