"""`manage.py create_workspace`: a workspace and its first admin."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.audit.actor import By
from connectors.models import Role
from connectors.workspaces import invitations, workspaces
from exporter.log import event_log


class Command(BaseCommand):
    help = "Create a workspace with an admin."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--slug", required=True, help=_("short name in addresses, such as “shop”"))
        parser.add_argument("--name", required=True, help=_("name on the pages"))
        parser.add_argument("--admin", required=True, metavar="E-MAIL", help=_("the admin's e-mail address"))

    def handle(self, *args: Any, slug: str, name: str, admin: str, **options: Any) -> None:
        try:
            workspace, user = workspaces.create(slug, name, admin, By(None))
        except workspaces.WorkspaceRefused as error:
            raise CommandError(str(error)) from None
        event_log.ensure(workspace.pk)
        self.stdout.write(_("Created the workspace “%(name)s”.") % {"name": workspace.name})
        if not user.came_in:
            _invitation, link = invitations.invite(workspace, user.email, Role.ADMIN, None, By(None))
            self.stdout.write(_("Invitation of %(email)s, for 7 days:") % {"email": user.email})
            self.stdout.write(link)
        else:
            self.stdout.write(_("%(email)s signs in here:") % {"email": user.email})
            self.stdout.write(f"{settings.SITE_URL}/accounts/login/")
