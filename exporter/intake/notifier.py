"""The notifier: one thread per web process that sends wake-ups for what was just stored, so that the request path never
waits for the broker. A lost wake-up costs seconds: the sweep sends another."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable

import structlog

from exporter.dispatch import wakeup

log = structlog.get_logger(__name__)

_PAUSE = 0.025
_LOG_EVERY = 60.0


class Notifier:
    """Collects workspace ids and sends wake-ups for them, at most every 25 ms."""

    def __init__(self) -> None:
        self.failures = 0
        self._workspaces: set[int] = set()
        self._guard = threading.Lock()
        self._due = threading.Event()
        self._stop = threading.Event()
        self._log_after = 0.0
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def add(self, workspace_ids: Iterable[int]) -> None:
        with self._guard:
            self._workspaces.update(workspace_ids)
        self._due.set()

    def stop(self) -> None:
        self._stop.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._due.wait()
            self._due.clear()
            with self._guard:
                workspaces, self._workspaces = self._workspaces, set()
            if workspaces:
                self._ring(workspaces)
            self._stop.wait(_PAUSE)

    def _ring(self, workspaces: set[int]) -> None:
        """What the broker did not take is sent again with the next ids, and by the sweep at the latest."""
        try:
            if not wakeup.wake_workspaces(workspaces):
                self._stop.wait(wakeup.REST_SECONDS)
                self.add(workspaces)
        except Exception as error:
            # Whatever went wrong, the events are stored and the sweep finds them.
            self.failures += 1
            if time.monotonic() >= self._log_after:
                self._log_after = time.monotonic() + _LOG_EVERY
                log.warning(
                    "wakeup.failed",
                    times=self.failures,
                    next="the sweep delivers the events",
                    exc_info=error,
                )


_current: Notifier | None = None
_current_guard = threading.Lock()


def _forget_after_fork() -> None:
    global _current, _current_guard
    _current = None
    _current_guard = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)


def current() -> Notifier:
    """This process's notifier, started on first use."""
    global _current
    with _current_guard:
        if _current is None:
            _current = Notifier()
        return _current


def appended(workspace_ids: Iterable[int]) -> None:
    """Reports that these workspaces have new events; must be called after the commit. Never blocks."""
    if ids := set(workspace_ids):
        current().add(ids)


def stop() -> None:
    """Stops this process's notifier, if it runs."""
    global _current
    with _current_guard:
        notifier, _current = _current, None
    if notifier is not None:
        notifier.stop()
