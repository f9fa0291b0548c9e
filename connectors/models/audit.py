"""The audit log."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from connectors.models.people import User
from connectors.models.workspaces import Workspace


class AuditEntry(models.Model):
    """Who changed what and when; never a secret. The database refuses to change or delete an entry, so it refers to
    people and workspaces without a constraint: they may be deleted, it stays.

    `seen_in` holds further workspaces whose admins see it: those the person belonged to when they signed in.
    """

    workspace = models.ForeignKey(
        Workspace,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="audit_entries",
    )
    seen_in = ArrayField(models.BigIntegerField(), default=list, blank=True)
    actor = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, blank=True, related_name="+"
    )
    actor_email = models.CharField(max_length=254, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-at"], name="audit_by_workspace_and_time"),
            GinIndex(fields=["seen_in"], name="audit_by_workspaces_seen_in"),
        ]
