"""The words a person chooses from: roles, regions, states, connector types, themes, scopes of tokens."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    MARKETER = "marketer", _("Marketer")
    ADMIN = "admin", _("Admin")


class ConnectorType(models.TextChoices):
    SEGMENT = "segment", "Segment Data Export"


class Region(models.TextChoices):
    US = "us", _("United States")
    EU = "eu", _("European Union")


class ConnectorState(models.TextChoices):
    LIVE = "live", _("Live")
    PAUSED = "paused", _("Paused")


class Theme(models.TextChoices):
    """Without a choice, a page follows the device."""

    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Scope(models.TextChoices):
    INTAKE = "intake", _("Intake")
    READ = "read", _("Read")
    WRITE = "write", _("Write")
