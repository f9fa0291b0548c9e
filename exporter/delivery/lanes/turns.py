"""Turns: deliveries that need a turn of their own, a few at a time, in threads of their own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import structlog
from django.db import close_old_connections, connection

from exporter.dispatch.shutdown import stopping

log = structlog.get_logger(__name__)


class Turns:
    """Each delivery waits here at most once. `work` does one turn and returns whether another is wanted. Threads are
    started when they are needed, up to `threads`."""

    def __init__(self, name: str, threads: int, work: Callable[[int], bool]) -> None:
        self._name, self._most, self._work = name, threads, work
        self._changed = threading.Condition()
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._running: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0

    def add(self, delivery_id: int) -> None:
        with self._changed:
            self._waiting.setdefault(delivery_id)
            if len(self._waiting) > self._idle and len(self._threads) < self._most and not stopping.is_set():
                thread = threading.Thread(
                    target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def __len__(self) -> int:
        """How many wait or are under way."""
        with self._changed:
            return len(self._waiting) + len(self._running)

    def join(self, seconds: float) -> None:
        """Waits for the turns under way once the process was asked to stop, so long at most for each."""
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(seconds)

    def _run(self) -> None:
        try:
            while (delivery_id := self._next()) is not None:
                self._turn(delivery_id)
        finally:
            connection.close()

    def _next(self) -> int | None:
        with self._changed:
            while not stopping.is_set():
                for delivery_id in self._waiting:
                    # One that runs already has its turn after that: two turns of one delivery would only wait.
                    if delivery_id not in self._running:
                        del self._waiting[delivery_id]
                        self._running.add(delivery_id)
                        return delivery_id
                self._idle += 1
                self._changed.wait(1.0)
                self._idle -= 1
        return None

    def _turn(self, delivery_id: int) -> None:
        again = False
        try:
            close_old_connections()
            again = self._work(delivery_id)
        except Exception:
            log.exception("delivery.turn_failed", delivery=delivery_id)
            connection.close()
        with self._changed:
            self._running.discard(delivery_id)
            if again and not stopping.is_set():
                self._waiting.setdefault(delivery_id)
            self._changed.notify()
