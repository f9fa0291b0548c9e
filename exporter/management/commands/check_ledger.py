"""`check_ledger`: exit status 1 and every difference where the ledger does not balance."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from exporter.ledger.check import check
from exporter.models import Delivery


class Command(BaseCommand):
    help = "Checks for every connector that each event has exactly one outcome or is pending."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = check()
        for difference in differences:
            self.stdout.write(str(difference))
        if differences:
            sys.exit(1)
        self.stdout.write(f"The ledger balances: {Delivery.objects.count()} deliveries checked.")
