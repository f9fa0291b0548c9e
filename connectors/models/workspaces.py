"""Workspaces: who may go there, who is asked to, and with which tokens machines do."""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate, Lower
from django.utils import timezone

from connectors.choices import Role, Scope
from connectors.models.people import User


class Workspace(models.Model):
    """The tenant boundary. An archived one is shown to owners only. `retention_hours` is how long it keeps events where
    that is less than the installation does."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    require_second_factor = models.BooleanField(default=False)
    retention_hours = models.PositiveIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        # In the order of the page of all workspaces, so that its first lines need no sorting of all others.
        indexes: ClassVar = [models.Index(Collate(Lower("name"), "C"), "id", name="workspaces_by_name")]

    def __str__(self) -> str:
        return self.name


def not_ended(of: str = "") -> Q:
    """Memberships whose time has not run out; `of` leads to them, such as `memberships__`."""
    return Q(**{f"{of}ends_at__isnull": True}) | Q(**{f"{of}ends_at__gt": timezone.now()})


class MembershipQuerySet(models.QuerySet["Membership"]):
    def standing(self) -> MembershipQuerySet:
        """Memberships in force: not ended, and not of an archived workspace."""
        return self.filter(not_ended(), workspace__archived_at__isnull=True)


class Membership(models.Model):
    """A person's role in a workspace, until `ends_at`."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "user"], name="one_membership_per_person_and_workspace"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_has_a_known_role"),
        ]

    @property
    def last_day(self) -> date | None:
        """The last whole day the membership holds, as it was typed."""
        return (self.ends_at - timedelta(microseconds=1)).date() if self.ends_at else None


class Invitation(models.Model):
    """A mailed link that lets one address join a workspace; only the SHA-256 of its secret is stored. `ends_at` is when
    the membership will end, `expires_at` when the invitation does."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10, choices=Role.choices)
    ends_at = models.DateTimeField(null=True, blank=True)
    hash = models.BinaryField(max_length=32, unique=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="one_open_invitation_per_address",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_has_a_known_role"),
        ]


class IntakeToken(models.Model):
    """A bearer token for machines: shown once, stored as SHA-256 (it is random, so no slow hash is needed)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="intake_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values) & ~Q(scopes=[]),
                name="intake_token_has_known_scopes",
            ),
        ]
