"""Files that people upload: their bytes in pieces, how far their import is, and what goes to one connector only."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connectors.models import User, Workspace
from exporter.models.deliveries import Delivery
from exporter.models.log import StoredBatch
from exporter.models.replays import Replay


class Stage(models.TextChoices):
    """Where an upload is on its way."""

    ARRIVING = "arriving", _("Uploading")
    ARRIVED = "arrived", _("Ready to import")
    RUNNING = "running", _("Importing")
    DONE = "done", _("Imported")
    FAILED = "failed", _("Not imported completely")
    CANCELLED = "cancelled", _("Cancelled")


class Upload(models.Model):
    """A file of `size` bytes, of which `received` are here; `position` of its events went through the intake. Whoever
    works on it holds it until `held_until`.

    Its events go into the log, for all connectors; or, with a `replay`, to that replay's connector alone.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.ARRIVING)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    trouble = models.CharField(max_length=500, blank=True)
    reasons = models.JSONField(default=list)
    # With the connector goes the import for it: it must never become one for all.
    replay = models.OneToOneField(Replay, on_delete=models.CASCADE, null=True, related_name="upload")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="upload_has_a_known_stage")
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "-id"], name="uploads_of_a_workspace")]


class UploadPiece(models.Model):
    """Bytes of a file from `start` on. In the database, because web and worker may be on different machines."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    start = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "start"], name="each_byte_of_an_upload_once")
        ]


class ImportedBatch(StoredBatch):
    """A batch that was imported for one connector: never in the log, numbered from 0 for its delivery alone."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["delivery", "end_event"], name="imported_batches_end_once_per_delivery"
            ),
            models.CheckConstraint(
                condition=Q(end_event__gt=F("first_event")), name="imported_batch_is_not_empty"
            ),
        ]
