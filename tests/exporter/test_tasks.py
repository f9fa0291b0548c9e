"""What the chores promise: each is on the schedule, runs, and runs once however many wake-ups were sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from currents_admin.celery import app
from exporter import tasks
from exporter.delivery import expiry
from exporter.incidents import detect
from exporter.maintenance import rollup, trimming
from exporter.models import Heartbeat
from tests.support.ageing import signed

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_entry_of_the_schedule_is_a_task() -> None:
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks


@pytest.mark.parametrize(
    ("chore", "module", "name"),
    [
        (tasks.expire, expiry, "expire_due"),
        (tasks.look_for_incidents, detect, "look"),
        (tasks.trim, trimming, "trim"),
        (tasks.clean, trimming, "clean"),
        (tasks.roll_up, rollup, "roll_up"),
    ],
    ids=["expire", "incidents", "trim", "clean", "roll_up"],
)
def test_a_heap_of_wake_ups_does_the_work_once(
    chore: Callable[[], Any], module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, done = getattr(module, name), []
    monkeypatch.setattr(module, name, lambda: done.append(work()))
    for _ in range(5):
        chore()
    assert len(done) == 1


def test_mail_is_looked_for_every_time() -> None:
    assert tasks.send_mail() == 0


def test_chores_that_were_silent_for_ten_minutes_note_the_outage() -> None:
    signed("expire", minutes_ago=9)
    tasks.expire()
    assert not Heartbeat.objects.filter(part="outage").exists()
    signed("expire", minutes_ago=11)
    tasks.expire()
    assert Heartbeat.objects.filter(part="outage").exists()
