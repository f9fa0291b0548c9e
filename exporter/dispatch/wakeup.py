"""Wake-ups: Celery messages that say "look now" and carry ids. Losing one costs seconds, and a second copy costs
nothing, because the receiver notes each id once.

Sending one never waits for a broker that does not answer: its connection gives up after a quarter of a second, and a
failure is counted and forgotten, because the sweep finds the same work again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import current_app
from django.db import connection

log = structlog.get_logger(__name__)

_PATIENCE = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "max_retries": 0}
# How long the broker is left alone after a failure.
REST_SECONDS = 0.5


# Ids one message carries.
MOST_IDS = 500
# Nobody reads a queue this long: more messages would only fill the broker.
CROWDED = 50
# A task, its arguments, and the queue it waits in.
Wakeup = tuple[str, int | list[int], str]
# How often the length is asked for on behalf of new events, which come at any rate.
LOOK_SECONDS = 1.0


class _Broker:
    """One thread's connection to the broker."""

    def __init__(self) -> None:
        self.producer: Any = None
        self.quiet_until = 0.0
        self.look_at, self.crowded = 0.0, False

    def send(self, task: str, argument: int | list[int], queue: str) -> None:
        current_app.send_task(
            task, (argument,), queue=queue, producer=self._connected(), retry=False, ignore_result=True
        )

    def length(self, queue: str) -> int:
        return int(self._connected().channel.client.llen(queue))

    def _connected(self) -> Any:
        if self.producer is None:
            link = current_app.connection_for_write()
            link.transport_options = {**link.transport_options, **_PATIENCE}
            self.producer = current_app.amqp.Producer(link.channel(), auto_declare=False)
        return self.producer

    def close(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            try:
                producer.connection.close()
            except Exception:  # the connection is already broken; there is nothing left to save
                log.debug("broker.not_closed")


class _Kept(_Broker):
    """In place of a broker that does not answer: keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Wakeup] = []

    def send(self, task: str, argument: int | list[int], queue: str) -> None:
        self.messages.append((task, argument, queue))

    def length(self, queue: str) -> int:
        return 0


class _Threads(threading.local):
    def __init__(self) -> None:
        self.broker = _Broker()


_threads = _Threads()
failures = 0

_WHICH = """
SELECT id, workspace_id, kind = 'live' AND failing_since IS NULL, failing_since IS NOT NULL
  FROM exporter_delivery WHERE id = ANY(%s) AND kind NOT IN ('replay', 'import')
"""


@contextmanager
def kept() -> Iterator[list[Wakeup]]:
    """What this thread would send meanwhile."""
    usual, keeper = _threads.broker, _Kept()
    _threads.broker = keeper
    try:
        yield keeper.messages
    finally:
        _threads.broker = usual


def wake_deliveries(delivery_ids: Iterable[int]) -> int:
    """Wakes workers for these deliveries, each in its queue; returns how many messages were sent. Replays are left out:
    they have a turn only in one of their places (`actions.replays.wake_next`)."""
    ids = list(delivery_ids)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WHICH, [ids])
        rows = cursor.fetchall()
    healthy = [workspace for _id, workspace, plain, _failing in rows if plain]
    failing = [delivery for delivery, _workspace, _plain, fails in rows if fails]
    others = [delivery for delivery, _workspace, plain, fails in rows if not plain and not fails]
    return _send([*_wakes(healthy), *_retries(failing), *_turns(others)])


def wake_chore(task: str, row_id: int) -> None:
    """Asks for a task of the chores' queue about one row. Beat finds the same work again."""
    _send([(task, row_id, "chores")])


def wake_workspaces(workspace_ids: Iterable[int]) -> bool:
    """Tells a worker that these workspaces have new events; returns whether the broker took all of it.

    Does not ask the database, and must be called after the append has committed: whoever holds one of their deliveries
    now looks once more after releasing it.
    """
    if _was_crowded("delivery"):
        # What lies there will be read first, and the sweep finds the rest.
        return True
    wakeups = list(_wakes(list(workspace_ids)))
    return _send(wakeups) == len(wakeups)


def wake_due(workspaces: list[int], failing: list[int], others: list[int]) -> int:
    """The sweep's: healthy live deliveries by their workspaces, failing and other ones by their ids. Leaves out what
    nobody reads."""
    wakeups = [*_wakes(workspaces), *_retries(failing), *_turns(others)]
    crowded = {queue for queue in {queue for _task, _told, queue in wakeups} if _crowded(queue)}
    return _send([wakeup for wakeup in wakeups if wakeup[2] not in crowded])


def _wakes(workspaces: list[int]) -> Iterator[Wakeup]:
    for place in range(0, len(workspaces), MOST_IDS):
        yield "exporter.tasks.wake", workspaces[place : place + MOST_IDS], "delivery"


def _retries(deliveries: list[int]) -> Iterator[Wakeup]:
    for place in range(0, len(deliveries), MOST_IDS):
        yield "exporter.tasks.retry", deliveries[place : place + MOST_IDS], "retry"


def _turns(deliveries: list[int]) -> Iterator[Wakeup]:
    for delivery in deliveries:
        yield "exporter.tasks.deliver", delivery, "delivery"


def _crowded(queue: str) -> bool:
    if time.monotonic() < _threads.broker.quiet_until:
        return True
    try:
        return _threads.broker.length(queue) > CROWDED
    except Exception as error:
        _note_failure(error)
        return True


def _was_crowded(queue: str) -> bool:
    """The same, as of the last second; a broker that does not answer is the sender's to meet."""
    broker, now = _threads.broker, time.monotonic()
    if now >= broker.look_at and now >= broker.quiet_until:
        broker.look_at = now + LOOK_SECONDS
        broker.crowded = _crowded(queue) and now >= broker.quiet_until
    return broker.crowded


def _send(wakeups: list[Wakeup]) -> int:
    broker = _threads.broker
    if not wakeups or time.monotonic() < broker.quiet_until:
        return 0
    sent = 0
    try:
        for wakeup in wakeups:
            broker.send(*wakeup)
            sent += 1
    except Exception as error:
        _note_failure(error)
    return sent


def _note_failure(error: Exception) -> None:
    """Whatever the broker's client raises, the events are safe and the sweep will wake the deliveries."""
    global failures
    failures += 1
    _threads.broker.close()
    _threads.broker.quiet_until = time.monotonic() + REST_SECONDS
    log.warning("broker.away", doing="wake", error=type(error).__name__, next="the sweep wakes again")
