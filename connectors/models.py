"""What a person configures: people, workspaces, connectors, their write keys, intake tokens, the audit log."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from connectors.choices import ConnectorState as ConnectorState
from connectors.choices import ConnectorType as ConnectorType
from connectors.choices import Region as Region
from connectors.choices import Role as Role
from connectors.choices import Scope as Scope
from connectors.choices import Theme as Theme


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person; the email address, in lower case, is the name they sign in with."""

    email = models.EmailField(_("Email"), max_length=254, unique=True)
    name = models.CharField(_("Name"), max_length=150, blank=True)
    # What is empty is left to the browser or the device.
    language = models.CharField(max_length=8, blank=True)
    theme = models.CharField(max_length=5, choices=Theme.choices, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    # Mails about trouble, of the workspaces they are an admin of.
    trouble_mails = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_owner = models.BooleanField(_("Owner"), default=False)
    # Raising it ends every session of this person: they are signed with it.
    session_epoch = models.PositiveIntegerField(default=0)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    @property
    def came_in(self) -> bool:
        """False for an account made before its person arrived: it has no password, and nobody has signed in with it."""
        return self.has_usable_password() or self.last_login is not None

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        salt = "connectors.models.User.session"
        signed = f"{self.session_epoch}:{self.password}"
        return salted_hmac(salt, signed, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.get_full_name()


class Workspace(models.Model):
    """The tenant boundary. An archived one is shown to owners only. `retention_hours` is how long it keeps events where
    that is less than the installation does."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    require_second_factor = models.BooleanField(default=False)
    retention_hours = models.PositiveIntegerField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

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


class Pace(models.Model):
    """How often a person has asked for something costly within the minute that began at `began_at`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)
    count = models.PositiveIntegerField()
    began_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_pace_per_person_and_kind"),
        ]


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


# Django finds models through this module.
from connectors.sign_in.models import Mark, SignInTries  # noqa: E402, F401
