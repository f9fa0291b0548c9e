"""`manage.py import_events`: events of Currents files, JSON or NDJSON into a workspace."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import formats
from django.utils.translation import gettext as _

from connectors.models import Workspace
from exporter.dispatch import wakeup
from exporter.intake import files as event_files
from exporter.intake import importing, notifier
from exporter.intake.importing import Tally
from exporter.intake.store import WorkspaceBusy


class Command(BaseCommand):
    help = (
        "Import events from files: Avro (Currents), JSON or NDJSON, packed with gzip or not. If it "
        "breaks off, call it again: it goes on where it was, and no event is stored twice."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--event-type", default="", help=_("of Avro records that do not say theirs"))
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)

    def handle(self, *args: Any, workspace: str, event_type: str, files: list[Path], **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        failed = 0
        try:
            for path in files:
                failed += not self._import(found, path, event_type)
        finally:
            notifier.stop()
            wakeup.ring_workspaces([found.pk])
        if failed:
            raise CommandError(
                _("Files that could not be imported completely: %(count)d.") % {"count": failed}
            )

    def _import(self, workspace: Workspace, path: Path, event_type: str) -> bool:
        try:
            bar = _Bar(self, path)
            tally = importing.import_file(workspace.pk, path, event_type=event_type, progress=bar.show)
        except (event_files.Unreadable, OSError) as error:
            self.stderr.write(f"\n{path}: {error}")
            return False
        except importing.Overtaken:
            self.stderr.write("\n" + _("%(file)s: another run imports this file now.") % {"file": path})
            return False
        except (Error, psycopg.Error, WorkspaceBusy) as error:
            raise CommandError(
                _("The database did not take the events (%(error)s). Call the command again: it goes on.")
                % {"error": type(error).__name__}
            ) from None
        self._report(path, tally)
        return True

    def _report(self, path: Path, tally: Tally) -> None:
        if tally.finished_before is not None:
            when = formats.date_format(tally.finished_before, "DATETIME_FORMAT")
            self.stdout.write(_("%(file)s: imported already on %(when)s.") % {"file": path, "when": when})
            return
        line = _("%(file)s: %(accepted)d accepted, %(duplicates)d duplicates, %(rejected)d rejected")
        counts = {"accepted": tally.accepted, "duplicates": tally.duplicates, "rejected": tally.rejected}
        self.stdout.write(line % ({"file": path} | counts))
        if tally.skipped:
            self.stdout.write("  " + _("%(count)d were taken by an earlier run") % {"count": tally.skipped})
        for reason in tally.reasons:
            self.stdout.write(f"  {reason}")


class _Bar:
    """Progress on standard error: redrawn on a terminal, else a line every ten seconds."""

    def __init__(self, command: BaseCommand, path: Path) -> None:
        self._err = command.stderr
        self._name = path.name
        self._size = max(1, path.stat().st_size)
        self._drawn = time.monotonic()

    def show(self, at: int) -> None:
        terminal = self._err.isatty()
        done = at >= self._size
        if time.monotonic() - self._drawn < (0.1 if terminal else 10) and not (terminal and done):
            return
        self._drawn = time.monotonic()
        share = min(1.0, at / self._size)
        if terminal:
            filled = round(30 * share)
            bar = "█" * filled + "·" * (30 - filled)
            self._err.write(f"\r{self._name} {bar} {share:4.0%}", ending="\n" if done else "")
        else:
            self._err.write(f"{self._name} {share:.0%}")
