"""At home: while the broker does not answer, each worker looks by itself for what it would be told.

Nobody is woken then, and beat is not heard. So a worker that serves the queues of deliveries sweeps for them, and one
that serves the chores runs the schedule, and once what its chores ask for: replays, imports and sources go on, more
slowly. Turns are claimed in the database: several workers share the work, and none is done twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis, RedisError

from exporter.dispatch import wakeup
from exporter.dispatch.sweep import SWEEP_TASK, sweep_at_home

log = structlog.get_logger(__name__)

# How often the broker is asked whether it is there, and for how long an answer is awaited.
EVERY_SECONDS = 1.0
PATIENCE_SECONDS = 1.0


def begin(queues: Collection[str], stop: threading.Event) -> None:
    """Starts what looks for work until `stop` is set, for a process that serves these queues."""
    looks: list[tuple[str, Callable[[], object]]] = []
    if deliveries := set(queues) & {"delivery", "retry"}:
        looks.append(("sweep", partial(sweep_at_home, deliveries)))
    if "chores" in queues:
        looks.append(("chores", Schedule().look))
    for name, look in looks:
        thread = threading.Thread(target=_keep, args=(name, look, stop), name=f"{name}-at-home", daemon=True)
        thread.start()


class Schedule:
    """Beat's schedule, but for its sweep."""

    def __init__(self) -> None:
        self._entries = [one for one in current_app.conf.beat_schedule.values() if one["task"] != SWEEP_TASK]
        self._next_at = [0.0] * len(self._entries)

    def look(self) -> None:
        """Runs each chore whose time has come, in this thread, and then what they asked for. What that asks for in turn
        is asked for again by a chore, seconds later. One that fails holds up no other."""
        with wakeup.kept() as asked:
            for place, entry in enumerate(self._entries):
                now = time.monotonic()
                if now >= self._next_at[place]:
                    self._next_at[place] = now + float(entry["schedule"])
                    _run(entry["task"])
        with wakeup.kept():
            for task, argument, queue in asked:
                if queue == "chores":
                    _run(task, argument)


def _run(task: str, *arguments: Any) -> None:
    try:
        current_app.tasks[task](*arguments)
    except DatabaseError:
        raise
    except Exception:
        log.exception("chore.failed", task=task, doing="at home")


def _keep(name: str, look: Callable[[], object], stop: threading.Event) -> None:
    client = Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )
    away = False
    while not stop.wait(EVERY_SECONDS):
        was_away, away = away, not _answers(client)
        if away != was_away:
            log.warning("broker.away" if away else "broker.back", doing=name)
        if away:
            _look(name, look)
        elif was_away:
            connection.close()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False


def _look(name: str, look: Callable[[], object]) -> None:
    try:
        look()
    except DatabaseError as error:
        log.warning("database.away", doing=name, error=type(error).__name__, next="tried again")
        connection.close()
