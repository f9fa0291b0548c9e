"""Imports of uploaded files: begun, filled piece by piece, started, cancelled by people."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Connector, Workspace
from connectors.web.storable_text import storable
from connectors.workspaces.archived import hold_open
from exporter.actions import replays
from exporter.dispatch import wakeup
from exporter.models import Replay, Upload, UploadPiece
from exporter.models.uploads import Stage

MOST_BYTES = 500_000_000
MOST_PIECE = 900_000
MOST_UNFINISHED = 20
_OPEN = (Stage.ARRIVING, Stage.ARRIVED, Stage.RUNNING)


class ImportRefused(Exception):
    """The text is one sentence that says what to do."""


def begin(workspace: Workspace, name: str, size: int, by: By) -> Upload:
    """Raises ImportRefused, Archived."""
    if not 0 < size <= MOST_BYTES:
        raise ImportRefused(
            _("A file may have 1 to %(most)s MB here. Larger ones: manage.py import_events.")
            % {"most": MOST_BYTES // 1_000_000}
        )
    with transaction.atomic():
        hold_open(workspace)
        if Upload.objects.filter(workspace=workspace, stage__in=_OPEN).count() >= MOST_UNFINISHED:
            raise ImportRefused(_("Too many files wait to be imported. Import or cancel some of them."))
        return Upload.objects.create(
            workspace=workspace, name=storable(name)[-255:], size=size, created_by=by.user
        )


def add_piece(upload: Upload, start: int, content: bytes) -> Upload:
    """The next bytes; a piece that is here already is taken as such.

    Raises:
        ImportRefused.
    """
    with transaction.atomic():
        current = Upload.objects.select_for_update().get(pk=upload.pk)
        if content and start >= 0 and start + len(content) <= current.received:
            return current
        fits = start == current.received and start + len(content) <= current.size
        if current.stage != Stage.ARRIVING or not fits or not 0 < len(content) <= MOST_PIECE:
            raise ImportRefused(_("This piece does not continue the file. Upload it again."))
        UploadPiece.objects.create(upload=current, start=start, content=content)
        current.received += len(content)
        if current.received == current.size:
            current.stage = Stage.ARRIVED
        current.save(update_fields=["received", "stage"])
    return current


def start(upload: Upload, by: By, *, only: Connector | None = None, same_ids: bool = True) -> None:
    """Into the log, so that every connector gets its events as new ones; or `only` to one connector, by a replay that
    begins when the file is through, with the same message IDs or with new ones. Raises ImportRefused, Archived."""
    with transaction.atomic():
        hold_open(upload.workspace)
        if not Upload.objects.filter(pk=upload.pk, stage=Stage.ARRIVED).update(stage=Stage.RUNNING):
            raise ImportRefused(_("This file is not ready to be imported."))
        if only is not None:
            made = replays.for_import(only, by, same_ids=same_ids)
            Upload.objects.filter(pk=upload.pk).update(replay=made)
        record(
            AuditAction.IMPORT_STARTED,
            by,
            workspace=upload.workspace,
            target=upload.name,
            after={"bytes": upload.size} | ({"connector": only.name} if only else {}),
        )
        transaction.on_commit(lambda: wakeup.wake_chore("exporter.tasks.import_upload", upload.pk))


def cancel(upload: Upload, by: By) -> None:
    """Ends it where it is; what is in the log stays there. Of what was for one connector nothing is sent.

    Raises:
        ImportRefused: it is over.
    """
    with transaction.atomic():
        # Its connector first, as for every change of a replay and for its deletion.
        Connector.objects.select_for_update(of=("self",)).filter(replays__upload=upload).first()
        open_one = Upload.objects.filter(pk=upload.pk, stage__in=_OPEN)
        if not open_one.update(stage=Stage.CANCELLED, finished_at=Now()):
            raise ImportRefused(_("This import is over already."))
        UploadPiece.objects.filter(upload=upload).delete()
        record(AuditAction.IMPORT_CANCELLED, by, workspace=upload.workspace, target=upload.name)
        replay = Replay.objects.filter(upload=upload, finished_at=None).first()
        if replay is not None:
            replays.cancel(replay, by)
