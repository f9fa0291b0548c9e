"""The converter: asks a process of its own to convert batches, and gives up on it at the first sign of trouble.

One a worker process, started with a backlog and ended after a while without one. It is never needed: a batch
it does not convert is converted by whoever asked.
"""

from __future__ import annotations

import array
import os
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import BinaryIO, cast

import msgspec
import structlog
from django.conf import settings

from exporter.delivery.conversion import frames
from exporter.delivery.conversion.frames import Converted, Wanted
from exporter.destinations.segment.transform import Judged, Plan
from exporter.ledger.outcomes import Outcome

log = structlog.get_logger(__name__)

# A batch takes milliseconds; a converter that needs longer is ended.
PATIENCE_SECONDS = 2.0
# Its memory is a third of a worker's.
IDLE_SECONDS = 30.0
# After trouble nobody is asked for so long.
REST_SECONDS = 60.0
# On one core it would only take turns with its worker.
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

# What a Python needs to start; nothing that is secret.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Converted).decode
_new = tuple.__new__

Answer = Future[list[Judged]]


class NotConverted(Exception):
    """It was not done; the batch is as it was."""


class Converter:
    """A process and the two threads that speak with it. `submit` may be called by any thread. Making one raises OSError
    or RuntimeError where no process or thread is to be had."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "exporter.delivery.conversion.child"],
            cwd=settings.BASE_DIR,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._requests: SimpleQueue[bytes | None] = SimpleQueue()
        self._waiting: deque[Answer] = deque()
        self._guard = threading.Lock()
        self.broken = self.failed = False
        try:
            for work in (self._write, self._read):
                threading.Thread(target=work, name=f"converter{work.__name__}", daemon=True).start()
        except RuntimeError:
            self.end()
            for pipe in (self._process.stdin, self._process.stdout):
                cast(BinaryIO, pipe).close()
            raise

    def submit(self, payload: bytes, plan: Plan) -> Answer:
        """Asks for a batch. The answer raises NotConverted where it was not done."""
        answer: Answer = Future()
        request = _encode(Wanted(tuple(sorted(plan.selected)), plan.include_anonymous, payload))
        with self._guard:
            if self.broken:
                answer.set_exception(NotConverted())
            else:
                self._waiting.append(answer)
                self._requests.put(request)
        return answer

    def end(self) -> None:
        """Ends the process; what was asked and not answered is not converted."""
        with self._guard:
            self.broken = True
            waiting, self._waiting = self._waiting, deque()
        self.failed = self.failed or bool(waiting)
        self._requests.put(None)
        self._process.kill()
        self._process.wait()
        for answer in waiting:
            answer.set_exception(NotConverted())

    def _write(self) -> None:
        try:
            with cast(BinaryIO, self._process.stdin) as sink:
                while (request := self._next()) is not None:
                    frames.write(sink, request)
        except (OSError, ValueError):
            pass  # The reader hears of it.

    def _next(self) -> bytes | None:
        """What is to be asked; None at the end, and once nobody has wanted anything for a while."""
        while True:
            try:
                return self._requests.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._guard:
                    # Here, not in its process: a question could cross with the end of that one.
                    if not self._waiting:
                        self.broken = True
                        return None

    def _read(self) -> None:
        try:
            with cast(BinaryIO, self._process.stdout) as source:
                while (content := frames.read(source)) is not None:
                    self._landed(content)
        except Exception:  # whatever it said: nobody may wait for it any longer
            self.failed = True
        self.end()
        if self.failed:
            log.warning("delivery.converter_lost", next="batches are converted here for a while")

    def _landed(self, content: bytes) -> None:
        judged = _judged(_decode(content))
        with self._guard:
            answer = self._waiting.popleft()
        if judged is None:
            answer.set_exception(NotConverted())
        else:
            answer.set_result(judged)


def _judged(converted: Converted) -> list[Judged] | None:
    if not converted.kinds:
        return None
    kinds = [(kind.event_type, Outcome(kind.outcome), kind.reason) for kind in converted.kinds]
    places = array.array("H", converted.places)
    if sys.byteorder == "big":
        places.byteswap()
    if len(converted.calls) == len(places):
        found = zip(map(kinds.__getitem__, places), converted.calls, strict=True)
        return [_new(Judged, (name, outcome, call, reason)) for (name, outcome, reason), call in found]
    calls = iter(converted.calls)
    return [
        _new(Judged, (name, outcome, next(calls) if outcome is Outcome.DELIVERED else None, reason))
        for name, outcome, reason in map(kinds.__getitem__, places)
    ]


class _Process:
    """This process's converter, if it has one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._current: Converter | None = None
        self._rests_until = 0.0

    def converter(self) -> Converter | None:
        """Started where there is none; None for a while after trouble."""
        with self._guard:
            if self._current is not None and self._current.broken:
                if self._current.failed:
                    self._rests_until = time.monotonic() + REST_SECONDS
                self._current = None
            if self._current is None and _CORES > 1 and time.monotonic() >= self._rests_until:
                self._current = self._started()
            return self._current

    def _started(self) -> Converter | None:
        try:
            return Converter()
        except (OSError, RuntimeError) as fault:
            log.warning(
                "delivery.converter_lost", error=type(fault).__name__, next="batches are converted here"
            )
            self._rests_until = time.monotonic() + REST_SECONDS
            return None

    def give_up(self) -> None:
        """Ends it: it does not answer."""
        with self._guard:
            current = self._current
        if current is not None:
            current.failed = True
            current.end()


_process = _Process()
converter = _process.converter
give_up = _process.give_up
