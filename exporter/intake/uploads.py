"""Uploaded files: their pieces as one file, a zip's members one after the other, and the import of their events."""

from __future__ import annotations

import lzma
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO, cast

from django.db import transaction
from django.db.models.functions import Now

from connectors.web.storable_text import printable, storable
from exporter import sql
from exporter.intake import appender, importing, refusals
from exporter.intake.file_walk import is_event_name
from exporter.intake.files import EventFile, Unpacked
from exporter.intake.importing import Overtaken
from exporter.intake.importing_for_one import ReplayLog
from exporter.intake.normalise import RawEvent
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt
from exporter.intake.unreadable import FileUnreadable
from exporter.models import Upload, UploadPiece
from exporter.models.uploads import Stage

# What a zip may hold unpacked: more is a bomb, or belongs to the command.
MOST_UNPACKED = 5_000_000_000
MOST_MEMBERS = 10_000
# What zipfile makes of the list of so many; and what a page looks through for its first events.
MOST_OF_LIST = 4_000_000
PREVIEWED = 64_000_000
FORGOTTEN_AFTER = timedelta(hours=24)
_REASONS_SHOWN = 5
# OSError and LZMAError are those of bzip2 and LZMA; ValueError stands for names and places no file can have.
_MEMBER_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_ZIP = b"PK\x03\x04"
_HOLD = "60 seconds"
_SECONDS = 15.0


class Cancelled(Exception):
    """Somebody stopped the import."""


class PieceFile(RawIOBase):
    """The pieces of an upload as one file that can be read from anywhere; one of them is in memory."""

    def __init__(self, upload: Upload) -> None:
        self._upload, self._at = upload, 0
        self._piece, self._start = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, (0, self._at, self._upload.received)[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if not self._start <= self._at < self._start + len(self._piece):
            row = (
                UploadPiece.objects.filter(upload=self._upload, start__lte=self._at)
                .order_by("-start")
                .first()
            )
            if row is None:
                return 0
            self._piece, self._start = bytes(row.content), row.start
        inside = self._at - self._start
        found = self._piece[inside : inside + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


class _ListOfMembers(BufferedReader):
    """The file while zipfile reads the list of its members: all at once, however long that says it is."""

    unbounded = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.unbounded:
            return super().read(size)
        most = MOST_OF_LIST + 1
        found = super().read(most if size is None or not 0 <= size <= most else size)
        if len(found) == most:
            raise FileUnreadable(
                f"The zip holds more than {MOST_MEMBERS} files. Use manage.py import_events."
            )
        return found


def events(upload: Upload, most: int | None = None) -> Iterator[RawEvent]:
    """All events, of a zip member by member. A member that cannot be read costs itself; the sentence comes at the end.
    More than `most` bytes, or `MOST_UNPACKED`, are not unpacked.

    Raises:
        FileUnreadable.
    """
    file, unpacked = _ListOfMembers(PieceFile(upload)), Unpacked(most or MOST_UNPACKED)
    if file.read(len(_ZIP)) != _ZIP:
        file.seek(0)
        file.unbounded = True
        yield from EventFile(file, upload.name, unpacked=unpacked).events()
        return
    packed, members = _members(file)
    troubles: list[str] = []
    for member in members:
        try:
            # More than it says it has is never unpacked: zipfile stops there.
            with _damage_told(), packed.open(member) as opened:
                yield from EventFile(cast(BinaryIO, opened), member.filename, unpacked=unpacked).events()
        except FileUnreadable as error:
            troubles.append(f"{printable(member.filename)}: {error}")
    if troubles:
        raise FileUnreadable(" ".join(troubles[:_REASONS_SHOWN]))


@contextmanager
def _damage_told() -> Iterator[None]:
    """What zipfile and its unpackers raise over damaged, locked and unknown members, as FileUnreadable."""
    try:
        yield
    except _MEMBER_DAMAGE as error:
        raise FileUnreadable(f"It is damaged or locked ({type(error).__name__}).") from error


def _members(file: _ListOfMembers) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The zip, and what in it holds events in the order of the names. Raises FileUnreadable."""
    try:
        packed = zipfile.ZipFile(file)
        file.unbounded = True
        wanted = [one for one in packed.infolist() if not one.is_dir() and is_event_name(one.filename)]
    except _MEMBER_DAMAGE as error:
        raise FileUnreadable("The zip is damaged.") from error
    if len(wanted) > MOST_MEMBERS:
        raise FileUnreadable(f"The zip holds more than {MOST_MEMBERS} files. Use manage.py import_events.")
    if sum(one.file_size for one in wanted) > MOST_UNPACKED:
        raise FileUnreadable(
            f"Unpacked, the zip has more than {MOST_UNPACKED} bytes. Use manage.py import_events."
        )
    if not wanted:
        raise FileUnreadable("The zip holds no Avro, JSON or NDJSON file.")
    return packed, sorted(wanted, key=lambda member: member.filename)


def forget() -> None:
    """Forgets, with their bytes, uploads nobody started for a day."""
    waiting = Upload.objects.filter(stage__in=(Stage.ARRIVING, Stage.ARRIVED))
    with transaction.atomic():
        # Locked, so that none is started or goes on meanwhile; what others have locked is just being used.
        old = waiting.filter(created_at__lt=Now() - FORGOTTEN_AFTER).select_for_update(skip_locked=True)
        Upload.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def due() -> list[int]:
    """Imports nobody works on."""
    waiting = Upload.objects.filter(stage=Stage.RUNNING)
    return list(waiting.exclude(held_until__gte=Now()).values_list("pk", flat=True))


def run(upload_id: int, seconds: float = _SECONDS) -> bool:
    """Works on an import for so long; whether something is left. Must not be called inside a transaction.

    Raises:
        What `appender.append_now` raises; what was done stays done.
    """
    if not _take(upload_id):
        return False
    upload = Upload.objects.select_related("replay").filter(pk=upload_id).first()
    if upload is None:
        return False
    until = time.monotonic() + seconds
    try:
        return _append(upload, until)
    except (Cancelled, Overtaken):
        _cancel_with_replay(upload)
        return False
    finally:
        Upload.objects.filter(pk=upload_id).update(held_until=None)


def _take(upload_id: int) -> bool:
    with sql.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_upload SET held_until = clock_timestamp() + %s::interval WHERE id = %s "
            "AND stage = 'running' AND (held_until IS NULL OR held_until < clock_timestamp())",
            [_HOLD, upload_id],
        )
        return cursor.rowcount == 1


def _cancel_with_replay(upload: Upload) -> None:
    """Where the replay was cancelled that the events are for."""
    waiting = Upload.objects.filter(pk=upload.pk, stage=Stage.RUNNING, replay__finished_at__isnull=False)
    if waiting.update(stage=Stage.CANCELLED, finished_at=Now()):
        UploadPiece.objects.filter(upload=upload).delete()


def _target(upload: Upload) -> Callable[..., Receipt]:
    """What appends the events: to the log, or to the replay they are for."""
    if upload.replay is None:
        return partial(appender.append_now, upload.workspace_id)
    return ReplayLog(upload.workspace_id, upload.replay).append


def _append(upload: Upload, until: float) -> bool:
    """Appends from where the import was; whether time ran out before the end."""
    append = _target(upload)
    for group in importing.groups(events(upload), upload.position):
        upload.trouble = group.trouble
        if not group.count:
            continue
        reasons = [one.reason for one in group.refused]
        receipt = append(group.accepted, group.refused, _move(upload, group.count, len(reasons)))
        upload.position += group.count
        upload.reasons = [*upload.reasons, *reasons][:_REASONS_SHOWN]
        Upload.objects.filter(pk=upload.pk).update(reasons=upload.reasons)
        if receipt.duplicates:
            with sql.cursor() as cursor:
                cursor.execute(
                    "UPDATE exporter_upload SET accepted = accepted - %s, duplicates = duplicates + %s WHERE id = %s",
                    [receipt.duplicates, receipt.duplicates, upload.pk],
                )
        if not group.trouble and time.monotonic() > until:
            return True
    _finish(upload)
    return False


def _finish(upload: Upload) -> None:
    stage = Stage.FAILED if upload.trouble else Stage.DONE
    running = Upload.objects.filter(pk=upload.pk, stage=Stage.RUNNING)
    running.update(stage=stage, trouble=storable(upload.trouble)[:500], finished_at=Now())
    UploadPiece.objects.filter(upload=upload).delete()


def _move(upload: Upload, count: int, refused: int) -> Callable[[], None]:
    def move() -> None:
        with sql.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_upload SET position = position + %s, accepted = accepted + %s, "
                "refused = refused + %s, held_until = clock_timestamp() + %s::interval "
                "WHERE id = %s AND position = %s AND stage = 'running'",
                [count, count - refused, refused, _HOLD, upload.pk, upload.position],
            )
            if cursor.rowcount != 1:
                raise Cancelled

    return move


def preview(upload: Upload, most: int) -> tuple[list[dict[str, Any] | bytes], list[str]]:
    """The first events as they came, and the sentences about what of them would be refused or cannot be read."""
    found: list[dict[str, Any] | bytes] = []
    troubles: list[str] = []
    try:
        for raw in events(upload, PREVIEWED):
            judged = refusals.judge(raw, 0)
            if isinstance(judged, Refusal):
                troubles.append(judged.reason)
            found.append(raw if isinstance(judged, Refusal) else judged.line)
            if len(found) == most:
                break
    except FileUnreadable as error:
        troubles.append(str(error))
    return found, troubles
