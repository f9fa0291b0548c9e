"""Importing: events of files into a workspace's log, each file once, from where an earlier run was broken
off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import file_digest
from itertools import islice
from pathlib import Path

from django.db import connection

from exporter.intake import appender, files, refusals
from exporter.models import ImportedFile

_AT_ONCE = 5_000
_BYTES_AT_ONCE = 8_000_000
_REASONS_SHOWN = 5


class Overtaken(Exception):
    """Another run imports the same file at the same time."""


@dataclass(slots=True)
class Tally:
    """What became of a file's events in this run; `skipped` were taken by an earlier one."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0
    finished_before: datetime | None = None
    reasons: list[str] = field(default_factory=list)


def import_file(
    workspace_id: int,
    path: Path,
    *,
    event_type: str = "",
    progress: Callable[[int], None] = lambda at: None,
) -> Tally:
    """Appends the file's events. How far it got moves in the transaction that appends, so it may be broken
    off at any point and be called again.

    Raises:
        event_files.Unreadable: the file is damaged; what came before is stored.
        Overtaken, OSError, and what `appender.append_now` raises.
    """
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    row, _ = ImportedFile.objects.get_or_create(
        workspace_id=workspace_id, sha256=sha256, defaults={"name": path.name[:255]}
    )
    if row.finished_at is not None:
        return Tally(finished_before=row.finished_at)
    tally = Tally(skipped=row.position)
    position = row.position
    events = islice(files.read(path, event_type, progress), position, None)
    for raws in _groups(events):
        accepted, refused = refusals.sort_out(raws)
        receipt = appender.append_now(
            workspace_id, accepted, refused, _move(row.pk, position, position + len(raws))
        )
        position += len(raws)
        tally.accepted += receipt.accepted
        tally.duplicates += receipt.duplicates
        tally.rejected += len(refused)
        tally.reasons += [one.reason for one in refused[: _REASONS_SHOWN - len(tally.reasons)]]
    with connection.cursor() as sql:
        sql.execute(
            "UPDATE exporter_importedfile SET finished_at = clock_timestamp() WHERE id = %s", [row.pk]
        )
    return tally


def _move(row_id: int, before: int, after: int) -> Callable[[], None]:
    def move() -> None:
        with connection.cursor() as sql:
            sql.execute(
                "UPDATE exporter_importedfile SET position = %s WHERE id = %s AND position = %s",
                [after, row_id, before],
            )
            if sql.rowcount != 1:
                raise Overtaken

    return move


def _groups(events: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Bounded in events and bytes, since each group is one transaction."""
    group: list[bytes] = []
    size = 0
    try:
        for event in events:
            group.append(event)
            size += len(event)
            if len(group) == _AT_ONCE or size > _BYTES_AT_ONCE:
                yield group
                group, size = [], 0
    except files.Unreadable:
        # What stands before the damage is good.
        if group:
            yield group
        raise
    if group:
        yield group
