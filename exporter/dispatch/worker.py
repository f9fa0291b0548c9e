"""What a worker process does besides its tasks: heartbeats, a sweep if nobody else does it, all by itself while the
broker is away, and an orderly stop."""

from __future__ import annotations

import threading
from typing import Any

from celery.signals import celeryd_after_setup, worker_ready, worker_shutting_down

from exporter.dispatch import at_home, durations, heartbeats
from exporter.dispatch.garbage import spare_collector
from exporter.dispatch.queues import part_of
from exporter.dispatch.shutdown import stopping
from exporter.dispatch.sweep import sweep


@celeryd_after_setup.connect
def set_up(instance: Any, **_kwargs: Any) -> None:
    """Before the broker has answered for the first time, which `started` waits for."""
    at_home.begin(list(instance.app.amqp.queues.consume_from), stopping)


@worker_ready.connect
def started(sender: Any, **_kwargs: Any) -> None:
    """`sender` is Celery's consumer, which knows the queues this process serves."""
    spare_collector()
    durations.watch()
    parts = [part_of(queue.name) for queue in sender.task_consumer.queues]
    threading.Thread(
        target=heartbeats.keep, args=(parts, stopping, _also), name="heartbeat", daemon=True
    ).start()


@worker_shutting_down.connect
def asked_to_stop(**_kwargs: Any) -> None:
    stopping.set()


def _also() -> None:
    """With each heartbeat; sweeps if beat, which does every 2 s, has fallen silent."""
    sweep(heartbeats.SILENT_SECONDS)
    durations.store()
