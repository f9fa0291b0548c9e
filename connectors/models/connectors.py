"""Connectors and their write keys."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from connectors.choices import ConnectorState, ConnectorType, Region
from connectors.models.people import User
from connectors.models.workspaces import Workspace


class Connector(models.Model):
    """One Current: a workspace's export to one partner. `version` counts the edits, so that a form
    made from an older state is noticed."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="connectors")
    type = models.CharField(max_length=20, choices=ConnectorType.choices, default=ConnectorType.SEGMENT)
    name = models.CharField(max_length=100)
    contact_email = models.EmailField(max_length=254)
    language = models.CharField(max_length=8, blank=True)
    region = models.CharField(max_length=2, choices=Region.choices)
    selected_events = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    include_anonymous = models.BooleanField(default=False)
    weekly_mail = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=ConnectorState.choices, default=ConnectorState.LIVE)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    key_reminder_on = models.DateField(null=True, blank=True)
    key_reminder_claimed_until = models.DateTimeField(null=True, blank=True)
    key_reminded_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    @property
    def is_paused(self) -> bool:
        return self.state == ConnectorState.PAUSED

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "type"], name="one_connector_of_a_type_per_workspace"
            ),
            models.CheckConstraint(
                condition=Q(type__in=ConnectorType.values), name="connector_has_a_known_type"
            ),
            models.CheckConstraint(
                condition=Q(region__in=Region.values), name="connector_has_a_known_region"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ConnectorState.values), name="connector_has_a_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(selected_events=[]), name="connector_selects_at_least_one_event"
            ),
        ]

    def __str__(self) -> str:
        return self.name


# What stands for the answer to a test event that stayed home.
NOT_SENT = "not sent"


class WriteKey(models.Model):
    """One version of a connector's write key, encrypted by `connectors.vault.sealing`. The active one is neither
    retired nor waiting to be switched to. `rejected_at` is when Segment last began to refuse it; `fingerprint` tells
    keys apart whose last four characters are the same."""

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="write_keys")
    ciphertext = models.BinaryField()
    last4 = models.CharField(max_length=4)
    fingerprint = models.CharField(max_length=8, blank=True)
    region = models.CharField(max_length=2, choices=Region.choices, default=Region.US)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    rolled_back = models.BooleanField(default=False)
    destroyed_at = models.DateTimeField(null=True, blank=True)
    rejected_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    tested_at = models.DateTimeField(null=True, blank=True)
    test_answers = models.JSONField(default=list, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(activated_at__isnull=False, retired_at__isnull=True),
                name="one_active_write_key_per_connector",
            ),
            models.UniqueConstraint(
                fields=["connector", "created_by"],
                condition=Q(activated_at__isnull=True),
                name="one_candidate_key_per_connector_and_person",
            ),
        ]

    @property
    def sent_tests(self) -> int:
        """How many of the last test events left: after a refused first one the others stay home."""
        return sum(answer["error"] != NOT_SENT for answer in self.test_answers)

    @property
    def accepted_tests(self) -> int:
        """How many of the last test events Segment accepted."""
        return sum(200 <= (answer["status"] or 0) < 300 for answer in self.test_answers)
