"""Doorbells: Celery messages that say "look now". Losing one costs seconds, doubling one costs nothing.

Ringing never waits for a broker that does not answer: its own connection gives up after a quarter of a second, and
a failure is counted and forgotten, because the sweep finds the same work again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from celery import current_app
from django.db import connection

log = logging.getLogger(__name__)

_PATIENCE = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "max_retries": 0}
_REST_AFTER_FAILURE = 0.5


class _Bell:
    """One thread's connection to the broker."""

    def __init__(self) -> None:
        self.producer: Any = None
        self.quiet_until = 0.0

    def ring(self, task: str, delivery_id: int, queue: str) -> None:
        if self.producer is None:
            broker = current_app.connection_for_write()
            broker.transport_options = {**broker.transport_options, **_PATIENCE}
            self.producer = current_app.amqp.Producer(broker.channel(), auto_declare=False)
        current_app.send_task(
            task, (delivery_id,), queue=queue, producer=self.producer, retry=False, ignore_result=True
        )

    def close(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            try:
                producer.connection.close()
            except Exception:  # the connection is already broken; there is nothing left to save
                log.debug("closing the doorbell's connection failed")


class _Bells(threading.local):
    def __init__(self) -> None:
        self.bell = _Bell()


_bells = _Bells()
failures = 0


def ring_quietly(delivery_ids: Iterable[int]) -> int:
    """Rings each delivery's queue; answers how many were rung."""
    ids = list(delivery_ids)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, failing_since IS NOT NULL FROM exporter_delivery WHERE id = ANY(%s)", [ids]
        )
        return _ring(cursor.fetchall())


def ring_workspaces(workspace_ids: Iterable[int]) -> int:
    """Rings the live deliveries of these workspaces that nobody holds and that are due.

    Must be called after the append has committed: a holder that releases after this look sees the new head itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.id, d.failing_since IS NOT NULL
              FROM exporter_delivery d JOIN connectors_connector c ON c.id = d.connector_id
             WHERE d.workspace_id = ANY(%s) AND d.kind = 'live' AND c.state = 'live'
               AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
               AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp() OR d.alone)
            """,
            [list(workspace_ids)],
        )
        return _ring(cursor.fetchall())


def _ring(rows: list[tuple[int, bool]]) -> int:
    global failures
    bell = _bells.bell
    if not rows or time.monotonic() < bell.quiet_until:
        return 0
    rung = 0
    try:
        for delivery_id, failing in rows:
            bell.ring("exporter.tasks.deliver", delivery_id, "retry" if failing else "delivery")
            rung += 1
    except Exception as error:
        # Whatever the broker's client raises: the events are safe and the sweep will ring again.
        failures += 1
        bell.close()
        bell.quiet_until = time.monotonic() + _REST_AFTER_FAILURE
        log.warning("The broker did not take a doorbell (%s); the sweep rings again.", type(error).__name__)
    return rung
