"""The Celery application; its settings stand in `settings.py` under `CELERY_`."""

import os

from celery import Celery
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")

app = Celery("currents_admin", loader="currents_admin.loader:PlainLoader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [
    Queue(name, routing_key=name)  # type: ignore[no-untyped-call]
    for name in ("delivery", "retry", "chores")
]
app.autodiscover_tasks()
