"""Webhooks: where a workspace wants to be told of trouble beside its mails."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from connectors.models import Workspace


class Webhook(models.Model):
    """The one of a workspace. `url` and `secret` are sealed, for an address such as Slack's is a secret by itself;
    `shown` is what people see of it. The last answer is that of any post, a test included; `last_error` names the
    fault where no answer came."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="webhook")
    url = models.BinaryField()
    secret = models.BinaryField()
    shown = models.CharField(max_length=300)
    # Nothing older is posted.
    created_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(null=True)
    last_status = models.IntegerField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
