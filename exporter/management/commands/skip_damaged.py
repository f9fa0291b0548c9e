"""`manage.py skip_damaged`: the way on for a connector whose stored events cannot be read."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Connector
from exporter.actions import replays
from exporter.delivery.skip_damaged import Busy, Skipped, deliveries, skip_damaged
from exporter.dispatch import wakeup
from exporter.models import Delivery, DeliveryKind


class Command(BaseCommand):
    help = "Pass stored events that cannot be read, count them as rejected, and deliver what is behind them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--connector",
            required=True,
            type=int,
            metavar="ID",
            help=_("the number in the address of its page"),
        )

    def handle(self, *args: Any, connector: int, **options: Any) -> None:
        found = Connector.objects.filter(pk=connector).select_related("workspace").first()
        if found is None:
            raise CommandError(_("There is no connector %(id)s.") % {"id": connector})
        passed = [one for delivery_id in deliveries(connector) for one in self._skip(found, delivery_id)]
        if not passed:
            at = Delivery.objects.filter(connector=found, kind=DeliveryKind.LIVE).values_list(
                "cursor", flat=True
            )
            raise CommandError(
                _("Nothing is damaged at event %(number)s, where this connector is.") % {"number": at.get()}
            )

    def _skip(self, connector: Connector, delivery_id: int) -> list[Skipped]:
        try:
            passed = skip_damaged(delivery_id)
        except Busy:
            raise CommandError(
                _("A worker is delivering for this connector. Try again in a minute.")
            ) from None
        for one in passed:
            words = {"first": one.first, "last": one.end - 1, "why": one.why, "rejected": one.rejected}
            kind = {} if one.kind == DeliveryKind.LIVE else {"delivery": one.kind}
            record(
                AuditAction.CONNECTOR_DAMAGE_SKIPPED,
                By(None),
                workspace=connector.workspace,
                target=connector.name,
                after={
                    "events": f"{one.first}–{one.end - 1}",
                    "rejected": one.rejected,
                    "why": one.why,
                    **kind,
                },
            )
            self.stdout.write(_("Events %(first)s to %(last)s %(why)s: %(rejected)s rejected.") % words)
        if passed:
            wakeup.wake_deliveries([delivery_id])
            replays.wake_next()
        return passed
