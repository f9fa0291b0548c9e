"""The Celery application; its settings are in `settings.py`, prefixed with `CELERY_`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from kombu.entity import Queue

from exporter.dispatch.queues import QUEUES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")

app = Celery("currents_admin", loader="currents_admin.loader:PlainLoader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name, routing_key=name) for name in QUEUES]
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def begin(**_kwargs: Any) -> None:
    """Chores may ask PostgreSQL for much at once; what takes longer than this is a server that hangs."""
    from currents_admin import local
    from currents_admin.postgresql.patience import PATIENCE

    PATIENCE.seconds = 120.0
    local.keep_to_ourselves()
