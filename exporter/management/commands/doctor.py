"""`doctor`: what is wrong with the installation, and what to do about each thing. Exit status 1 where something is."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exporter.operations import doctor
from exporter.operations.doctor import Level


class Command(BaseCommand):
    help = "Looks at database, broker, workers, beat, clocks, write keys, mail and the way to Segment."
    # The database may be what is wrong.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mail-to", default="", metavar="ADDRESS", help="send a test letter to this address"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for finding in doctor.examine(options["mail_to"]):
            self.stdout.write(f"{finding.level.value:8} {finding.part}: {finding.what}")
            if finding.remedy:
                self.stdout.write(f"         {finding.remedy}")
            wrong += finding.level is Level.BAD
        if wrong:
            sys.exit(1)
