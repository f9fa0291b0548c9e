"""`manage.py import_events`: events of Currents files, JSON or NDJSON into a workspace."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, cast

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.models import Workspace
from connectors.web.storable_text import printable
from exporter.dispatch import wakeup
from exporter.intake import file_types, importing, notifier
from exporter.intake.file_walk import STANDARD_INPUT, Walk, shown
from exporter.intake.importing import Tally
from exporter.intake.store import WorkspaceBusy
from exporter.management.arguments import text


class Result(Enum):
    """What became of a file."""

    IMPORTED = gettext_noop("imported")
    IMPORTED_BEFORE = gettext_noop("imported already")
    INCOMPLETE = gettext_noop("not imported completely")
    NOT_IMPORTED = gettext_noop("not imported")
    PASSED_OVER = gettext_noop("passed over")


_FAILED = (Result.INCOMPLETE, Result.NOT_IMPORTED)


class Command(BaseCommand):
    help = (
        "Import events from files and folders: Avro (Currents), JSON or NDJSON, packed with gzip or not. If it "
        "breaks off, call it again: it goes on where it was, and no event is stored twice."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG", type=text)
        parser.add_argument("--event-type", default="", type=text, help=_("of events that do not say theirs"))
        parser.add_argument(
            "files", nargs="+", metavar="FILE", type=Path, help=_("a file, a folder, or - for standard input")
        )

    def handle(self, *args: Any, workspace: str, event_type: str, files: list[Path], **options: Any) -> None:
        found = Workspace.objects.filter(slug=workspace).first()
        if found is None:
            raise CommandError(_("There is no workspace “%(slug)s”.") % {"slug": workspace})
        if known := file_types.meant(event_type):
            raise CommandError(
                _("There is no event type “%(given)s”. Is %(known)s meant?")
                % {"given": event_type, "known": known}
            )
        self._results: Counter[Result] = Counter()
        self._events: Counter[str] = Counter()
        walk = Walk(files)
        try:
            for path in walk.files():
                self._results[self._import(found, path, event_type)] += 1
        finally:
            notifier.stop()
            wakeup.wake_workspaces([found.pk])
        for error in walk.closed:
            self.stderr.write(f"{_path_of(error)}: {error.strerror}")
        self._results[Result.NOT_IMPORTED] += len(walk.closed)
        self._results[Result.PASSED_OVER] += walk.passed_over
        self._sum_up()

    def _import(self, workspace: Workspace, path: Path, event_type: str) -> Result:
        name = shown(path)
        try:
            with _opened(path) as (file, size):
                bar = _Bar(self, printable(name), size)
                tally = importing.import_file(
                    workspace.pk, file, name, event_type=event_type, progress=bar.show
                )
        except OSError as error:
            self.stderr.write(f"{printable(name)}: {error.strerror or error}")
            return Result.NOT_IMPORTED
        except importing.Overtaken:
            self.stderr.write(_("%(file)s: another run imports this file now.") % {"file": printable(name)})
            return Result.INCOMPLETE
        except (Error, psycopg.Error, WorkspaceBusy) as error:
            raise CommandError(
                _("The database did not take the events (%(error)s). Call the command again: it goes on.")
                % {"error": type(error).__name__}
            ) from None
        return self._report(printable(name), tally)

    def _report(self, name: str, tally: Tally) -> Result:
        if tally.finished_before is not None:
            when = tally.finished_before.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
            self.stdout.write(_("%(file)s: imported already at %(when)s.") % {"file": name, "when": when})
            return Result.IMPORTED_BEFORE
        counts = {"accepted": tally.accepted, "duplicates": tally.duplicates, "refused": tally.refused}
        self._events.update(counts)
        line = _("%(file)s: %(accepted)d accepted, %(duplicates)d duplicates, %(refused)d refused")
        self.stdout.write(line % ({"file": name} | counts))
        if tally.skipped:
            self.stdout.write("  " + _("%(count)d were taken by an earlier run") % {"count": tally.skipped})
        for reason in tally.reasons:
            self.stdout.write(f"  {reason}")
        if not tally.trouble:
            return Result.IMPORTED
        self.stderr.write(f"{name}: {tally.trouble}")
        return Result.INCOMPLETE if tally.skipped or sum(counts.values()) else Result.NOT_IMPORTED

    def _sum_up(self) -> None:
        files = ", ".join(f"{self._results[one]} {_(one.value)}" for one in Result if self._results[one])
        self.stdout.write(
            _(
                "Files: %(files)s. Events: %(accepted)d accepted, %(duplicates)d duplicates, %(refused)d refused."
            )
            % {
                "files": files or "0",
                "accepted": self._events["accepted"],
                "duplicates": self._events["duplicates"],
                "refused": self._events["refused"],
            }
        )
        failed = sum(self._results[one] for one in _FAILED)
        if failed:
            raise CommandError(
                _("Files that could not be imported completely: %(count)d.") % {"count": failed}
            )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """The file, which can be read twice, and its size. What comes through a pipe is put down first."""
    if path != STANDARD_INPUT and (path.is_file() or not path.exists()):
        with path.open("rb") as file:
            yield file, path.stat().st_size
        return
    with tempfile.TemporaryFile() as copy:
        if path == STANDARD_INPUT:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        size = copy.tell()
        copy.seek(0)
        yield cast(BinaryIO, copy), size


def _path_of(error: OSError) -> str:
    return printable(shown(Path(error.filename))) if error.filename else ""


class _Bar:
    """Progress on standard error: redrawn on a terminal, else a line every ten seconds."""

    def __init__(self, command: BaseCommand, name: str, size: int) -> None:
        self._err = command.stderr
        self._name = name.rpartition("/")[2]
        self._size = max(1, size)
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
