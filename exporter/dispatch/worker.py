"""What a worker process does besides its tasks: shows that it lives, sweeps when nobody else does, stops gently."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, connection

from exporter.dispatch.heartbeats import claim
from exporter.dispatch.shutdown import stopping
from exporter.dispatch.sweep import sweep

log = logging.getLogger(__name__)

SIGN_SECONDS = 3.0
# Beat sweeps every 2 s; a worker steps in when it has been silent for so long.
SILENCE_SECONDS = 10.0


def live() -> None:
    """Until the process stops: a sign of life every few seconds, and a sweep if beat has fallen silent."""
    while not stopping.wait(SIGN_SECONDS):
        try:
            claim("worker", 0.0)
            sweep(SILENCE_SECONDS)
        except DatabaseError as error:
            log.warning("No sign of life written: %s.", type(error).__name__)
            connection.close()


@worker_ready.connect
def started(**_kwargs: Any) -> None:
    threading.Thread(target=live, name="sign-of-life", daemon=True).start()


@worker_shutting_down.connect
def asked_to_stop(**_kwargs: Any) -> None:
    stopping.set()
