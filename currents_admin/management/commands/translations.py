"""`translations`: brings the catalogues of messages up to date, compiles them, and says what is missing."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Merge every message of the product into locale/*/LC_MESSAGES/django.po, compile, and say what is missing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("locales", nargs="*", help="such as fr or pt_BR; all of them by default")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from currents_admin.translations import catalogues
        except ImportError:
            raise CommandError("Babel is missing. It comes with the development dependencies.") from None
        for locale in options["locales"] or catalogues.locales() or catalogues.offered():
            catalog = catalogues.merge(locale)
            catalogues.write(locale, catalog)
            missing = sum(1 for message in catalog if message.id and not _translated(message.string))
            self.stdout.write(f"{locale}: {len(catalog)} messages, {missing} without a translation.")


def _translated(string: Any) -> bool:
    return all(string) if isinstance(string, (list, tuple)) else bool(string)
