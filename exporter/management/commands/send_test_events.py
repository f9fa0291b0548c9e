"""`manage.py send_test_events`: one event of each chosen type, with ids of their own, to Segment at once."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.audit.actor import By
from connectors.models import Connector
from connectors.setup import lifecycle
from connectors.vault import sealing
from exporter.actions import test_events


class Command(BaseCommand):
    help = "Send test events with the write key in use; status 1 where one is not accepted."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")

    def handle(self, *args: Any, workspace: str, **options: Any) -> None:
        connector = Connector.objects.filter(workspace__slug=workspace).first()
        key = lifecycle.key_in_use(connector) if connector is not None else None
        unknown = CommandError(
            _("The workspace “%(slug)s” does not exist or has no connector.") % {"slug": workspace}
        )
        if key is None:
            raise unknown
        try:
            said = test_events.send(key, By(None))
        except Connector.DoesNotExist:
            raise unknown from None
        except sealing.SecretUnreadable as error:
            raise CommandError(str(error)) from None
        for one in said:
            self.stdout.write(f"{one['status'] or one['error']}  {one['message_id']}  {one['event_type']}")
        if key.accepted_tests < len(said):
            raise CommandError(
                _("%(n)s of %(all)s were not accepted.")
                % {"n": len(said) - key.accepted_tests, "all": len(said)}
            )
        self.stdout.write(
            _("Segment answered 200 to all of them. Only the debugger of the source in Segment is proof.")
        )
