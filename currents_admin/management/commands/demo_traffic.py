"""`manage.py demo_traffic`: events for the demo workspaces, until it is asked to stop."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand

from currents_admin import demo_life


class Command(BaseCommand):
    help = "Send events to the demo workspaces for as long as it runs."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        demo_life.go_on(stopping)
