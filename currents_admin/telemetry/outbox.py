"""Things that are posted in the background, and lost rather than waited for."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from exporter.destinations.endpoint import Endpoint

log = structlog.get_logger(__name__)

T = TypeVar("T")
MOST_WAITING, MOST_TOGETHER = 2_000, 500
WHOLE_SECONDS = 5.0
_TELL_EVERY_SECONDS = 600.0


class Outbox(Generic[T]):
    """`post` is given what has gathered during `pause` seconds and answers what went wrong, in words. It is called in a
    thread of its own, begun with the first thing (so after a fork); what does not fit is dropped."""

    def __init__(self, to: str, post: Callable[[Sequence[T]], str], pause: float) -> None:
        self._to, self._post, self._pause = to, post, pause
        self._waiting: queue.Queue[T] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._process = 0
        self._told_at = -_TELL_EVERY_SECONDS

    def put(self, one: T) -> None:
        try:
            self._waiting.put_nowait(one)
        except queue.Full:
            return
        if self._process != os.getpid():
            self._begin()

    def _begin(self) -> None:
        with self._guard:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
        threading.Thread(target=self._work, name=self._to, daemon=True).start()

    def _work(self) -> None:
        while True:
            together = [self._waiting.get()]
            time.sleep(self._pause)
            while len(together) < MOST_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get_nowait())
            try:
                why = self._post(together)
            except Exception as fault:  # the next ones are posted all the same
                why = type(fault).__name__
            if why:
                self._tell(why)

    def _tell(self, why: str) -> None:
        if time.monotonic() - self._told_at > _TELL_EVERY_SECONDS:
            self._told_at = time.monotonic()
            log.warning("telemetry.not_taken", to=self._to, why=why, next="what it missed is not sent again")


def posted(to: Endpoint, body: bytes) -> str:
    """Posts it; what went wrong, in words."""
    from exporter.destinations import sender

    answer = sender.post(to, b"", lambda: body, seconds=WHOLE_SECONDS)
    took = answer.status is not None and answer.status < 300
    return "" if took else answer.error or f"answered {answer.status}"
