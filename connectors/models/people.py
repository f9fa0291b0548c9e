"""People: who signs in, and how often they have asked for something costly."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from connectors.choices import Theme


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
