"""`manage.py create_intake_token`: a bearer token for machines, shown once."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.audit.actor import By
from connectors.models import Scope, Workspace
from connectors.workspaces import tokens
from connectors.workspaces.archived import Archived
from exporter.management.arguments import text


class Command(BaseCommand):
    help = "Create a token that sends events or reads status."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG", type=text)
        parser.add_argument("name", type=text, help=_("what the token is for, such as “Braze”"))
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help=_("what it may do; repeat for several; both unless given"),
        )

    def handle(self, *args: Any, workspace: str, name: str, scope: list[str] | None, **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        if not 0 < len(name.strip()) <= 100:
            raise CommandError(_("The name must have 1 to 100 characters."))
        try:
            token, plain = tokens.create(found, name.strip(), scope or [Scope.INTAKE, Scope.READ], By(None))
        except Archived:
            raise CommandError(_("The workspace “%(slug)s” is archived.") % {"slug": workspace}) from None
        self.stdout.write(
            _("Created the token “%(name)s” (%(scopes)s). It is shown only now:")
            % {"name": token.name, "scopes": ", ".join(token.scopes)}
        )
        self.stdout.write(plain)
