"""At home: while the broker does not answer, each worker looks by itself for what it would be told.

Nobody is woken then, and beat is not heard. So a worker that serves the queues of deliveries sweeps for them, and one
that serves the chores runs the schedule, and once what its chores ask for: replays, imports and sources go on, more
slowly. Turns are claimed in the database: several workers share the work, and none is done twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import structlog
from celery import current_app
from django.db import DatabaseError, connection
from redis import Redis, RedisError

from exporter.dispatch import queues, wakeup
from exporter.dispatch.sweep import SWEEP_TASK, sweep

log = structlog.get_logger(__name__)

# How often the broker is asked whether it is there; and how often, while it is not, one of several processes sweeps.
EVERY_SECONDS = 1.0
SWEPT_SECONDS = 0.9


def begin(served: Iterable[str], stop: threading.Event) -> None:
    """Starts what looks for the work of each of these queues, which this process serves, until `stop` is set."""
    for queue in served:
        look = Schedule().run_due if queue == "chores" else partial(sweep, SWEPT_SECONDS, queue)
        threading.Thread(target=_keep, args=(queue, look, stop), name=f"{queue}-at-home", daemon=True).start()


class Schedule:
    """Beat's schedule, but for its sweep."""

    def __init__(self) -> None:
        self._entries = [one for one in current_app.conf.beat_schedule.values() if one["task"] != SWEEP_TASK]
        self._next_at = [0.0] * len(self._entries)

    def run_due(self) -> None:
        """Runs each chore whose time has come, in this thread. One that fails holds up no other."""
        for place, entry in enumerate(self._entries):
            now = time.monotonic()
            if now >= self._next_at[place]:
                self._next_at[place] = now + float(entry["schedule"])
                _run(entry["task"])


def look_for(queue: str, look: Callable[[], object]) -> None:
    """Looks, and then runs what was asked for of this queue. What that asks for in turn is asked for again by the next
    look. A database that is away is logged."""
    try:
        with wakeup.kept() as asked:
            look()
        with wakeup.kept():
            for task, argument, its_queue in asked:
                if its_queue == queue:
                    _run(task, argument)
    except DatabaseError as error:
        log.warning("database.away", doing=queue, error=type(error).__name__, next="tried again")
        connection.close()


def _run(task: str, *arguments: Any) -> None:
    try:
        current_app.tasks[task](*arguments)
    except DatabaseError:
        raise
    except Exception:
        log.exception("task.failed", task=task, doing="at home")


def _keep(queue: str, look: Callable[[], object], stop: threading.Event) -> None:
    client, away = queues.client(), False
    while not stop.wait(EVERY_SECONDS):
        was_away, away = away, not _answers(client)
        if away and not was_away:
            log.warning("broker.away", doing=queue, next="work is looked for at home")
        if away:
            look_for(queue, look)
        elif was_away:
            connection.close()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
