"""`manage.py reencrypt_write_keys`: encrypts all stored secrets again with the newest key of the list."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.vault import resealing


class Command(BaseCommand):
    help = "Encrypt stored secrets again with the newest of WRITE_KEY_ENCRYPTION_KEYS, while everything runs."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exits with status 1 if something could not be read; everything else is encrypted again all the same."""
        result = resealing.reseal_everything()
        self.stdout.write(
            ngettext("Encrypted %(n)s secret again.", "Encrypted %(n)s secrets again.", result.moved)
            % {"n": result.moved}
        )
        if result.unreadable:
            raise CommandError(
                _("No key of WRITE_KEY_ENCRYPTION_KEYS opens: %(names)s. Enter them again on their pages.")
                % {"names": ", ".join(result.unreadable)}
            )
