"""`manage.py add_source`: a workspace follows a bucket or a folder."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from connectors.audit.actor import By
from connectors.models import Workspace
from connectors.workspaces.archived import Archived
from exporter.actions import sources
from exporter.management.arguments import text
from exporter.models.sources import Begin
from exporter.sources.address import BadAddress
from exporter.sources.store import Trouble

# The providers' usual names, and obstore's.
_SECRETS = {
    "s3": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    },
    "gs": {"service_account_key": "GOOGLE_SERVICE_ACCOUNT_KEY"},
    "az": {"account_key": "AZURE_STORAGE_ACCOUNT_KEY", "sas_key": "AZURE_STORAGE_SAS_TOKEN"},
}
_OPTIONS = {
    "s3": {"region": "AWS_REGION", "endpoint": "AWS_ENDPOINT_URL"},
    "gs": {"endpoint": "GOOGLE_BASE_URL"},
    "az": {"account_name": "AZURE_STORAGE_ACCOUNT_NAME", "endpoint": "AZURE_STORAGE_ENDPOINT"},
}


class Command(BaseCommand):
    help = (
        "Follow a bucket or folder: s3://bucket/prefix, gs://…, az://container/prefix, or file:///folder below one of "
        "CURRENTS_SOURCE_FOLDERS. Credentials in the environment are sealed and kept; without any, the server's own "
        "are used."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG", type=text)
        parser.add_argument(
            "--from",
            dest="begin",
            default="now",
            metavar="WHEN",
            help=_("now, beginning, or a day: 2026-11-25"),
        )
        parser.add_argument("url", metavar="URL")

    def handle(self, *args: Any, workspace: str, begin: str, url: str, **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        kind = url.partition(":")[0]
        wish = sources.Wish(
            url,
            *_begin(begin),
            {name: os.environ.get(variable, "") for name, variable in _OPTIONS.get(kind, {}).items()},
            {name: os.environ.get(variable, "") for name, variable in _SECRETS.get(kind, {}).items()},
        )
        try:
            sources.check(wish)
        except Trouble as error:
            self.stderr.write(str(error))
        except BadAddress as error:
            raise CommandError(str(error)) from None
        try:
            made = sources.add(found, wish, By(None))
        except sources.Standing:
            raise CommandError(_("The workspace follows this address already.")) from None
        except Archived:
            raise CommandError(_("The workspace “%(slug)s” is archived.") % {"slug": workspace}) from None
        self.stdout.write(_("Following %(url)s.") % {"url": made.url})


def _begin(text: str) -> tuple[Begin, datetime | None]:
    if text in (Begin.NOW, Begin.BEGINNING):
        return Begin(text), None
    try:
        return Begin.DAY, datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise CommandError(_("Give --from as now, beginning, or a day such as 2026-11-25.")) from None
