"""`manage.py prepare`: makes the database ready for this version."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from currents_admin import database_roles, demo_keys, migrating
from exporter.actions import connector_changes


class Command(BaseCommand):
    help = "Apply the migrations, and let the product's role in."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="also make the demo workspace in an empty database"
        )
        parser.add_argument("--static", action="store_true", help="also compress and hash the static files")

    def handle(self, *args: Any, **options: Any) -> None:
        migrating.migrate()
        database_roles.let_in(settings.RUNS_AS)
        connector_changes.note_catalogue()
        if options["static"]:
            call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        if options["demo"]:
            call_command("create_demo", stdout=self.stdout)
            if demo_keys.wanted():
                call_command("create_demo_life", stdout=self.stdout)
