"""Importing: events of files into a workspace's log, each file once, from where an earlier run was broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from itertools import islice
from typing import Any, BinaryIO, cast

from exporter import sql
from exporter.intake import appender, refusals
from exporter.intake.files import EventFile
from exporter.intake.normalise import RawEvent
from exporter.intake.read_ahead import read_ahead
from exporter.intake.refusals import Refusal
from exporter.intake.unreadable import FileUnreadable
from exporter.log.events import Incoming
from exporter.models import ImportedFile

_AT_ONCE = 5_000
_BYTES_AT_ONCE = 8_000_000
_REASONS_SHOWN = 5


class Overtaken(Exception):
    """Another run imports the same file at the same time."""


@dataclass(slots=True)
class Tally:
    """What became of a file's events in this run; `skipped` were taken by an earlier one. `trouble` is a sentence
    about what could not be read."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0
    finished_before: datetime | None = None
    trouble: str = ""
    reasons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ImportGroup:
    """Events for one transaction, bounded in number and bytes. With the last one, which may be empty, comes a sentence
    about what could not be read."""

    accepted: list[Incoming] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    size: int = 0
    trouble: str = ""

    @property
    def count(self) -> int:
        return len(self.accepted) + len(self.refused)

    def take(self, judged: Incoming | Refusal) -> None:
        if isinstance(judged, Refusal):
            self.refused.append(judged)
            self.size += len(judged.raw)
        else:
            self.accepted.append(judged)
            self.size += len(judged.line)


def import_file(
    workspace_id: int,
    file: BinaryIO,
    name: str,
    *,
    event_type: str = "",
    progress: Callable[[int], None] = lambda at: None,
) -> Tally:
    """Appends the events of a file that can be read twice; `name` is its path, which may tell the type of its events.

    How far it got moves in the transaction that appends, so it may be broken off at any point and be called again.
    `progress` is told the bytes read so far.

    Raises:
        Overtaken, OSError, and what `appender.append_now` raises.
    """
    sha256 = file_digest(cast(Any, file), "sha256").hexdigest()
    file.seek(0)
    try:
        opened = EventFile(file, name, event_type)
    except FileUnreadable as error:
        return Tally(trouble=str(error))
    row, _ = ImportedFile.objects.get_or_create(
        workspace_id=workspace_id, sha256=sha256, event_type=opened.event_type, defaults={"name": name[-255:]}
    )
    if row.finished_at is not None:
        return Tally(finished_before=row.finished_at)

    def moved(before: int, after: int) -> Callable[[], None]:
        progress(file.tell())
        return _move(row.pk, before, after)

    tally = append_all(workspace_id, opened.events(), row.position, moved)
    if not tally.trouble:
        with sql.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_importedfile SET finished_at = clock_timestamp() WHERE id = %s", [row.pk]
            )
    progress(file.tell())
    return tally


def append_all(
    workspace_id: int,
    events: Iterator[RawEvent],
    start: int,
    moved: Callable[[int, int], Callable[[], None]],
    tally: Tally | None = None,
) -> Tally:
    """Appends the events from the number `start` on, a group in a transaction, while a thread reads the next ones.
    `moved` is told the numbers before and after a group and returns what belongs in its transaction.

    Raises:
        What the events' reader raises apart from FileUnreadable, and `appender.append_now`.
    """
    tally = tally or Tally()
    tally.skipped = position = start
    for group in read_ahead(groups(events, start)):
        tally.trouble = group.trouble
        if not group.count:
            continue
        receipt = appender.append_now(
            workspace_id, group.accepted, group.refused, moved(position, position + group.count)
        )
        position += group.count
        tally.accepted += receipt.accepted
        tally.duplicates += receipt.duplicates
        tally.refused += len(group.refused)
        tally.reasons += [one.reason for one in group.refused[: _REASONS_SHOWN - len(tally.reasons)]]
    return tally


def _move(row_id: int, before: int, after: int) -> Callable[[], None]:
    def move() -> None:
        with sql.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_importedfile SET position = %s WHERE id = %s AND position = %s",
                [after, row_id, before],
            )
            if cursor.rowcount != 1:
                raise Overtaken

    return move


def groups(events: Iterator[RawEvent], start: int) -> Iterator[ImportGroup]:
    """The events from the number `start` on. What cannot be read ends them."""
    group, count = ImportGroup(), 0
    try:
        for raw in islice(events, start, None):
            group.take(refusals.judge(raw, count))
            count += 1
            if count == _AT_ONCE or group.size > _BYTES_AT_ONCE:
                yield group
                group, count = ImportGroup(), 0
    except FileUnreadable as error:
        # What stands before the damage is good.
        group.trouble = str(error)
    if group.count or group.trouble:
        yield group
