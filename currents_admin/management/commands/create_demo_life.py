"""`manage.py create_demo_life`: a week behind the demo workspaces."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from currents_admin import demo_keys, demo_life


class Command(BaseCommand):
    help = "Give the demo workspaces connectors and a past, once."

    def handle(self, *args: Any, **options: Any) -> None:
        demo_life.create()
        self.stdout.write(_("Keys      the sandbox accepts %(good)s and no other") % {"good": demo_keys.GOOD})
