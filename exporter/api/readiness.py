"""Is the whole system able to take and deliver events? Each part is asked separately."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import structlog
from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction
from django.db.backends.utils import CursorWrapper
from redis import RedisError

from exporter.dispatch import heartbeats, queues
from exporter.dispatch.heartbeats import SILENT_SECONDS
from exporter.dispatch.queues import QUEUES, Queue, part_of
from exporter.intake import appender

log = structlog.get_logger(__name__)

KEPT_READY, KEPT_NOT_READY = 1.0, 0.2
# How long an asker waits for a look, and how long what an earlier one found is told while one is under way.
_WAIT_SECONDS, STALE_SECONDS = 0.2, 3.0
# Longer than what is asked for at a time takes; a lock or a disk that hangs.
_BODY_WAITS_SECONDS = 4.0
# A worker takes deliveries at once. Chores may wait for longer: the first reads of many sources keep all threads busy,
# so of their worker the heartbeat alone is looked at.
_MESSAGE_WAITS_SECONDS = 30.0
_TAKEN_AT_ONCE = ("delivery", "retry")
_DISK_FULL = "53100"
# The heartbeats that must be heard, and what is missing where one is not: a worker for each queue, and beat.
_PARTS = {**{part_of(queue): f"worker ({queue})" for queue in QUEUES}, "beat": "beat"}

_beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")


class Found(NamedTuple):
    """What one look found. `missing` has the names of what is missing: `database`, `disk` (full, so nothing can be
    stored), `intake` (a body waits here to be stored), `broker`, `worker (<queue>)` where no worker serves a queue or
    none takes the deliveries that wait in it, `beat`; empty when all is there. `ages` are seconds since the latest
    heartbeat by part, none where the database does not answer; `queues` is None where the broker does not."""

    missing: list[str]
    ages: dict[str, float]
    queues: list[Queue] | None


_DATABASE_HANGS = Found(["database"], {}, None)


class KeptAnswer:
    """What was found last, kept for a moment: whoever asks, however often, costs one look. The look is made beside, so
    that nobody waits for what does not answer: a probe without an answer in time is a host taken out for nothing."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: Found | None = None
        self._told: list[str] = []
        self._until = 0.0
        self._look: Future[Found] | None = None
        self._began = 0.0

    def missing(self) -> list[str]:
        """Within some tenths of a second, whatever hangs; only the first look is waited for, as there is no earlier
        answer to tell. What keeps a look for `STALE_SECONDS` is the database: the waits for everything else are
        shorter. What differs from what was told last is a line of the log, once."""
        return self._tell(_WAIT_SECONDS).missing

    def fresh(self) -> Found:
        """At most `KEPT_READY` old, for who can wait for `STALE_SECONDS`: ages and queues of an earlier look would hide
        what has stopped since."""
        return self._tell(STALE_SECONDS)

    def _tell(self, wait: float) -> Found:
        found = self._within(wait)
        gone = found.missing
        with self._guard:
            changed, self._told = gone != self._told, gone
        if changed:
            tell = log.warning if gone else log.info
            tell("readiness.changed", missing=", ".join(gone) or "nothing")
        return found

    def _within(self, wait: float) -> Found:
        with self._guard:
            if self._kept is not None and time.monotonic() < self._until:
                return self._kept
            if self._look is None or self._look.done():
                self._look, self._began = _beside.submit(self._find), time.monotonic()
            look, left = self._look, max(0.0, self._began + STALE_SECONDS - time.monotonic())
        try:
            return look.result(timeout=left if self._kept is None else min(wait, left))
        except TimeoutError:
            return _DATABASE_HANGS if self._kept is None or left <= wait else self._kept

    def _find(self) -> Found:
        close_old_connections()
        self._kept = found = look()
        self._until = time.monotonic() + (KEPT_NOT_READY if found.missing else KEPT_READY)
        return found

    def forget(self) -> None:
        self._until = 0.0


answer = KeptAnswer()


def look() -> Found:
    """Asks each part now."""
    waiting = _queues()
    gone = [] if waiting is not None else ["broker"]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            ages = heartbeats.ages()
            full = _disk_is_full(cursor)
    except DatabaseError:
        connection.close()
        return Found(["database", *gone], {}, waiting)
    if appender.oldest_seconds() > _BODY_WAITS_SECONDS:
        gone.insert(0, "intake")
    if full:
        gone.insert(0, "disk")
    silent = {part for part in _PARTS if ages.get(part, SILENT_SECONDS) >= SILENT_SECONDS}
    stuck = {
        part_of(queue.name)
        for queue in waiting or ()
        if queue.name in _TAKEN_AT_ONCE and queue.oldest_seconds > _MESSAGE_WAITS_SECONDS
    }
    gone += [name for part, name in _PARTS.items() if part in silent | stuck]
    return Found(gone, ages, waiting)


def _disk_is_full(cursor: CursorWrapper) -> bool:
    """Lets PostgreSQL write a file of a megabyte and forget it. Storing something instead would find room in pages that
    exist, until the next event does not."""
    try:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute("SELECT count(*) FROM generate_series(1, 40000)")
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _DISK_FULL:
            return True
        raise
    return False


def _queues() -> list[Queue] | None:
    """None where the broker does not answer."""
    try:
        return queues.look()
    except (RedisError, OSError, ValueError) as error:
        log.info("broker.away", doing="readiness", error=type(error).__name__)
        return None
