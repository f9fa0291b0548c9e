"""`status`: how everything stands, in a terminal at three in the morning."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from exporter.operations import overview


class Command(BaseCommand):
    help = "Shows every connector with trouble first, queues, unsent mails, and each part and host."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--most", type=int, help="show so many connectors at most, those in trouble first"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in overview.lines(most=options["most"]):
                self.stdout.write(line)
        except DatabaseError as error:
            raise CommandError("The database does not answer; manage.py doctor tells more.") from error
