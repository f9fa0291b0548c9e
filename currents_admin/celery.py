"""The Celery application; its settings are in `settings.py`, prefixed with `CELERY_`."""

import os
import time
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_init
from kombu.entity import Queue
from structlog.contextvars import bind_contextvars, unbind_contextvars

from exporter.dispatch.queues import QUEUES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")

# A task of the chores' queue that takes longer is told even where it found nothing to do.
_LONG_SECONDS = 1.0
_log = structlog.get_logger(__name__)

app = Celery("currents_admin", loader="currents_admin.loader:PlainLoader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name, routing_key=name) for name in QUEUES]
app.autodiscover_tasks()


@setup_logging.connect
def leave_logging(**_kwargs: Any) -> None:
    """Django has set it up. Where nobody listens, Celery puts a level of its own on the root logger, and a worker tells
    nothing below a warning."""


@worker_init.connect
@beat_init.connect
def begin(**_kwargs: Any) -> None:
    """Chores may ask PostgreSQL for much at once; what takes longer than this is a server that hangs."""
    from currents_admin import local
    from currents_admin.postgresql.patience import PATIENCE

    PATIENCE.seconds = 120.0
    local.keep_to_ourselves()


@worker_init.connect
def look_at_database(**_kwargs: Any) -> None:
    """No message is taken before the database answers and this version's migrations are there."""
    from exporter.operations import pooler, schema

    schema.await_prepared()
    pooler.look_at_start()


@task_prerun.connect
def note_begin(task: Any, **_kwargs: Any) -> None:
    """Every line a task writes names it."""
    bind_contextvars(task=task.name.rpartition(".")[2])
    task.request.began = time.monotonic()


@task_postrun.connect
def tell(task: Any, retval: Any, state: str, **_kwargs: Any) -> None:
    """One line for each chore that had something to do; wake-ups only note what is to be looked at."""
    seconds = time.monotonic() - getattr(task.request, "began", time.monotonic())
    count = retval if isinstance(retval, int) else 0
    # The sweep's work is waking others.
    worked = count and not task.name.endswith(".sweep")
    if state == "SUCCESS" and (worked or seconds > _LONG_SECONDS):
        _log.info("chore.ran", count=count, ms=round(1000 * seconds))
    unbind_contextvars("task")
