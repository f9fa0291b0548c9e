"""What signing in is counted with. Rows expire; nothing in them is a secret or a person's address."""

from __future__ import annotations

from django.db import models


class Mark(models.Model):
    """One value kept for a while: a used code, the times of somebody's tries. `key` is a SHA-256."""

    key = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "connectors"


class SignInTries(models.Model):
    """How often somebody tried in vain, and from when on they may try again. `key` is a SHA-256 of who is meant."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    free_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "connectors"
