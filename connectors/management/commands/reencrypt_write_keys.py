"""`manage.py reencrypt_write_keys`: everything sealed moves under the newest key of the list."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.vault import resealing


class Command(BaseCommand):
    help = "Seal stored secrets anew with the newest of WRITE_KEY_ENCRYPTION_KEYS, while everything runs."

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 where something could not be read; everything else is moved all the same."""
        result = resealing.reseal_everything()
        self.stdout.write(
            ngettext("Moved %(n)s secret.", "Moved %(n)s secrets.", result.moved) % {"n": result.moved}
        )
        if result.unreadable:
            raise CommandError(
                _("No key of WRITE_KEY_ENCRYPTION_KEYS opens: %(names)s. Enter them again on their pages.")
                % {"names": ", ".join(result.unreadable)}
            )
