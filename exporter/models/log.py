"""The event log of a workspace, and what belongs to it at the intake.

Rows that are updated with every append (`EventLog`) stay narrow and carry no index on what changes, so that
PostgreSQL can update them in place.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from connectors.models import Connector, Workspace


class EventLog(models.Model):
    """A workspace's log: `next_event` is its head. Appending updates this row first and keeps it locked until the
    commit, so numbers become visible in order and without gaps."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="event_log"
    )
    next_event = models.BigIntegerField(default=0)
    last_received_at = models.DateTimeField(default=timezone.now)


class LogMark(models.Model):
    """The first event number still in the log. It moves before batches are trimmed; creating a delivery takes a
    share of its row, so no delivery starts below it."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, related_name="log_mark"
    )
    first_event = models.BigIntegerField(default=0)


class StoredBatch(models.Model):
    """Up to 1,000 consecutive events. `payload` is zstd-compressed NDJSON, `type_counts` is
    `{event type: [events, of these anonymous]}`, `id_hashes` holds 8 bytes an event."""

    first_event = models.BigIntegerField()
    end_event = models.BigIntegerField()
    received_at = models.DateTimeField()
    type_counts = models.JSONField()
    id_hashes = models.BinaryField()
    payload = models.BinaryField()

    class Meta:
        abstract = True


class EventBatch(StoredBatch):
    """A batch of a workspace's log."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "end_event"], name="event_batches_end_once_per_workspace"
            ),
            models.CheckConstraint(
                condition=Q(end_event__gt=F("first_event")), name="event_batch_is_not_empty"
            ),
        ]


class UnknownType(models.Model):
    """Names of event types outside the catalogue, at most 200 per workspace and day; the rest count as `other`."""

    pk = models.CompositePrimaryKey("workspace_id", "day", "event_type")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    day = models.DateField()
    event_type = models.CharField(max_length=200)


class RejectedEvent(models.Model):
    """An event that the intake refused (no connector) or Segment rejected (with connector).

    If the intake refused it, `event` holds its bytes, cut at 32 kB (`cut`); if Segment rejected it, the bytes are in
    the log, at `event_number`.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="rejected_events")
    connector = models.ForeignKey(Connector, on_delete=models.DO_NOTHING, null=True, db_constraint=False)
    event_number = models.BigIntegerField(null=True)
    event_id = models.CharField(max_length=99, blank=True)
    event_type = models.CharField(max_length=200, blank=True)
    event = models.BinaryField(default=b"")
    cut = models.BooleanField(default=False)
    id_hash = models.BinaryField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "id_hash", "reason"],
                condition=Q(connector__isnull=True),
                name="rejected_at_intake_once_per_event_and_reason",
            ),
            models.UniqueConstraint(
                fields=["connector", "event_number"],
                condition=Q(connector__isnull=False),
                name="rejected_by_segment_once_per_event",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "at"], name="rejected_by_workspace_and_time"),
            # For pages: the newest of either kind.
            models.Index(fields=["connector", "id"], name="rejected_newest_by_connector"),
            models.Index(
                fields=["workspace", "id"],
                condition=Q(connector__isnull=True),
                name="refused_newest_by_workspace",
            ),
        ]


class RefusalCount(models.Model):
    """How many events the intake refused on a day: `kept` of them have a `RejectedEvent`, the rest are only counted."""

    pk = models.CompositePrimaryKey("workspace_id", "day")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    day = models.DateField()
    count = models.BigIntegerField(default=0)
    kept = models.BigIntegerField(default=0)


class RefusedRetry(models.Model):
    """The latest time somebody let a workspace's refused events go through the intake again: those up to the row
    `last`. It has come to the row `position`; whoever works on it holds it until `held_until`."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0)
    last = models.BigIntegerField()
    total = models.BigIntegerField()
    accepted = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    @property
    def tried(self) -> int:
        return self.accepted + self.duplicates + self.refused


class ImportedFile(models.Model):
    """How far `import_events` got with a file, told by its SHA-256 and by the type of events that do not say theirs;
    moves in the transaction that appends."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE)
    sha256 = models.CharField(max_length=64)
    event_type = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=255)
    position = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "sha256", "event_type"], name="one_import_per_file_and_workspace"
            )
        ]
