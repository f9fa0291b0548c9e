"""`top`: the same as `status`, again and again, until Ctrl-C."""

from __future__ import annotations

import shutil
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from exporter.operations import overview

_HOME_AND_CLEAR = "\x1b[H\x1b[2J"
# What stands above and below the connectors.
_OTHER_LINES = 16


class Command(BaseCommand):
    help = "A live view of what `status` shows, as many connectors as fit. Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks (2)")
        parser.add_argument("--times", type=int, help="end after so many looks")

    def handle(self, *args: Any, **options: Any) -> None:
        looks = 0
        try:
            while options["times"] is None or looks < options["times"]:
                if looks:
                    time.sleep(max(options["every"], 0.2))
                self._look()
                looks += 1
        except KeyboardInterrupt:
            self.stdout.write("")

    def _look(self) -> None:
        room = max(5, shutil.get_terminal_size().lines - _OTHER_LINES)
        try:
            shown = list(overview.lines(most=room))
        except DatabaseError:
            connection.close()
            shown = ["The database does not answer; manage.py doctor tells more."]
        clear = _HOME_AND_CLEAR if self.stdout.isatty() else ""
        self.stdout.write(clear + "\n".join(shown))
