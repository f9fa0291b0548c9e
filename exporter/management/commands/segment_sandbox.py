"""`manage.py segment_sandbox`: the local stand-in for Segment."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext_lazy as _

from exporter.sandbox.command_line import add_arguments, serve


class Command(BaseCommand):
    help = "Run a local stand-in for Segment's HTTP Tracking API on 127.0.0.1."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            serve(argparse.Namespace(**options))
        except OSError as error:
            raise CommandError(
                _("The sandbox cannot start: %(reason)s.") % {"reason": error.strerror}
            ) from error
