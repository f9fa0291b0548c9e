"""The lanes of this process: started when something is first handed to them, ended with the worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

from celery.signals import worker_shutdown

from exporter.delivery.deliver import deliver, moved_on
from exporter.delivery.lanes.coordinator import Coordinator
from exporter.delivery.lanes.turns import Turns
from exporter.delivery.result import Ended
from exporter.delivery.turn import STOP_SECONDS

# Backlogs worked off at a time; failing connectors tried at a time, which mostly wait for an answer.
BULK_TURNS = 8
RETRY_TURNS = 16


class Lanes:
    """The set lane with its coordinating thread, the bulk lane, and the lane of failing connectors."""

    def __init__(self) -> None:
        self.bulk = Turns("bulk", BULK_TURNS, self._bulk_turn)
        self.retries = Turns("retry", RETRY_TURNS, self._retry_turn)
        self.coordinator = Coordinator(self.bulk.add)
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()

    def wake(self, workspaces: Iterable[int]) -> None:
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self.coordinator.run, name="coordinator", daemon=True)
                self._thread.start()
        self.coordinator.wake(workspaces)

    def join(self) -> None:
        """After the process was asked to stop: until what is under way is settled."""
        if self._thread is not None:
            self._thread.join(STOP_SECONDS + 2.0)
        self.bulk.join(2.0)
        self.retries.join(2.0)

    def _bulk_turn(self, delivery_id: int) -> bool:
        ended = Ended.FAILED
        try:
            ended = deliver(delivery_id)
        finally:
            if ended != Ended.BEHIND:
                self.coordinator.turn_ended(delivery_id)
        if ended == Ended.IDLE and (workspace := moved_on(delivery_id)) is not None:
            self.wake([workspace])
        return ended == Ended.BEHIND

    def _retry_turn(self, delivery_id: int) -> bool:
        return deliver(delivery_id) == Ended.BEHIND


_current: Lanes | None = None
_guard = threading.Lock()


def current() -> Lanes:
    """This process's lanes."""
    global _current
    with _guard:
        if _current is None:
            _current = Lanes()
        return _current


def _forget_after_fork() -> None:
    global _current, _guard
    _current, _guard = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)


@worker_shutdown.connect
def _end(**_kwargs: Any) -> None:
    if _current is not None:
        _current.join()
