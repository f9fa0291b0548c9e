"""`manage.py create_demo`: the demo workspace and how to sign in to it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.models import Workspace
from currents_admin import demo, env


class Command(BaseCommand):
    help = "Make the demo workspace in an empty embedded database."

    def handle(self, *args: Any, **options: Any) -> None:
        """Says nothing where the database is somebody's own, without the demo workspace."""
        if env.text("DATABASE_URL"):
            raise CommandError(
                _("The demo workspace is for the embedded database only; DATABASE_URL is set.")
            )
        if not demo.create():
            demo.follow_environment()
        if not Workspace.objects.filter(slug=demo.SLUG).exists():
            return
        self.stdout.write("Sign in   " + ", ".join(demo.PEOPLE))
        given = env.text("CURRENTS_DEMO_PASSWORD")
        self.stdout.write(
            "Password  " + (_("the one in CURRENTS_DEMO_PASSWORD") if given else demo.password())
        )
