"""`manage.py remove_second_factor`: for somebody who lost their phone and their recovery codes."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.models import User
from connectors.sign_in import second_factors


class Command(BaseCommand):
    help = "Remove the second factor of somebody who lost it. Make sure that they are the one who asks."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", metavar="E-MAIL", help=_("the address they sign in with"))

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(_("Nobody signs in as %(email)s.") % {"email": email})
        if not second_factors.take_away(user):
            raise CommandError(_("%(email)s has no second factor.") % {"email": user.email})
        self.stdout.write(_("%(email)s can now sign in with the password alone.") % {"email": user.email})
