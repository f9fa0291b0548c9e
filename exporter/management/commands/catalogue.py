"""`catalogue`: prints what the event catalogue knows, or checks files of samples against it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.catalogue.catalogue import CATALOGUE, KNOWN
from connectors.catalogue.event_type import EventType
from exporter.intake import refusals
from exporter.intake.file_walk import Walk, shown
from exporter.intake.files import EventFile
from exporter.intake.unreadable import FileUnreadable
from exporter.maintenance.field_census import form_of
from exporter.reports.event_types import known_type, odd_forms


class Command(BaseCommand):
    help = (
        "Print what the event catalogue knows. With files or folders of samples (Avro, JSON, NDJSON): check them "
        "against it; exit status 1 where a type or field is unknown, or a value not of the type Braze describes."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="FILE", help="a file or a folder of samples"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["paths"]:
            self._check(options["paths"])
        else:
            self._print()

    def _print(self) -> None:
        currents = f"Currents version {CATALOGUE.currents_version}"
        self.stdout.write(f"Catalogue {CATALOGUE.version} of {CATALOGUE.date}, up to {currents}")
        for change in CATALOGUE.changes:
            self.stdout.write(f"  {change.version}  {change.date}  {change.what}")
        for event in (*CATALOGUE.events, *CATALOGUE.nameless):
            self.stdout.write(f"{event.event_type:<58} {_described(event)}")
        for name in sorted(CATALOGUE.without_segment_form):
            self.stdout.write(f"{name:<58} no Segment form")

    def _check(self, paths: list[Path]) -> None:
        checked, findings = 0, dict[str, int]()
        for event in self._events(paths, findings):
            checked += 1
            for finding in _findings(event):
                findings[finding] = findings.get(finding, 0) + 1
        for finding, times in sorted(findings.items()):
            self.stdout.write(f"{finding} ({times})" if times > 1 else finding)
        self.stdout.write(f"Events checked: {checked}; findings: {len(findings)}.")
        if findings:
            sys.exit(1)

    def _events(self, paths: list[Path], findings: dict[str, int]) -> Iterator[dict[str, Any]]:
        """The events in the flat shape; what cannot be read becomes a finding."""
        for path in paths:
            if not path.exists():
                raise CommandError(f"There is no {path}.")
        for path in Walk(paths).files():
            try:
                with path.open("rb") as file:
                    for raw in EventFile(file, shown(path)).events():
                        judged = refusals.judge(raw, 0)
                        if isinstance(judged, refusals.Refusal):
                            finding = f"{shown(path)}: refused: {judged.reason}"
                            findings[finding] = findings.get(finding, 0) + 1
                        else:
                            yield json.loads(judged.line)
            except (FileUnreadable, OSError) as error:
                findings[f"{shown(path)}: {error}"] = 1


def _described(event: EventType) -> str:
    name = event.segment_event or (
        f"named by its {event.segment_event_from}" if event.exportable else "no name yet"
    )
    marks = [f"since {event.since}"] if event.newer else []
    marks += ["known in part"] if event.partial else []
    return f"{name}  ({', '.join(marks)})" if marks else name


def _findings(event: dict[str, Any]) -> Iterator[str]:
    name = event["event_type"]
    known = known_type(name)
    if known is None:
        if name not in KNOWN:
            yield f"{name}: unknown event type"
        return
    for field, value in event.items():
        if field == "event_type":
            continue
        if field not in known.fields:
            yield f"{name}: unknown field {field}"
        elif odd_forms(known, field, form_of(value)):
            yield f"{name}: {field} is not {known.type_of(field)}, as Braze describes it"
