"""Sources: buckets and folders a workspace follows, and which of their objects were taken."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from connectors.models import Workspace


class Begin(models.TextChoices):
    """From where a source is read."""

    NOW = "now", _("Now")
    DAY = "day", _("A day")
    BEGINNING = "beginning", _("The beginning")


class Taken(models.TextChoices):
    """How far an object is."""

    WAITING = "waiting", _("Waiting")
    DONE = "done", pgettext_lazy("of an object", "Taken")
    SET_ASIDE = "set_aside", _("Set aside")


class Source(models.Model):
    """A bucket or folder, `url` with its prefix. `credentials` is sealed JSON, empty where the server's own are used.

    Whoever works on it holds it until `held_until`. `folders` are those of Braze's layout it was seen to have, so that
    a look costs what is new; `listed_whole_at` is when all of it was listed last. `late_since`: objects that came since
    the source was made have been waiting for over an hour. `told_at` is when its last trouble was mailed, until its end
    has been mailed too.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="sources")
    url = models.CharField(max_length=1000)
    options = models.JSONField(default=dict)
    credentials = models.BinaryField(default=b"")
    begin = models.CharField(max_length=10, choices=Begin.choices)
    since = models.DateTimeField(null=True)
    paused = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    listed_whole_at = models.DateTimeField(null=True)
    folders = models.JSONField(default=list)
    failing_since = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    trouble = models.CharField(max_length=500, blank=True)
    late_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    mail_claimed_until = models.DateTimeField(null=True)
    last_object = models.CharField(max_length=1024, blank=True)
    last_object_at = models.DateTimeField(null=True)
    objects_taken = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "url"], name="one_source_of_an_address"),
            models.CheckConstraint(condition=Q(begin__in=Begin.values), name="source_has_a_known_begin"),
        ]


class SourceObject(models.Model):
    """One object, told by name and etag; `position` events of it are stored, moved in the transaction that stores."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="entries", db_index=False)
    name = models.CharField(max_length=1024)
    etag = models.CharField(max_length=255)
    size = models.BigIntegerField()
    modified_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=Taken.choices, default=Taken.WAITING)
    position = models.BigIntegerField(default=0)
    trouble = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "name", "etag"], name="each_object_once"),
            models.CheckConstraint(condition=Q(state__in=Taken.values), name="object_has_a_known_state"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["source", "modified_at", "name"], condition=Q(state="waiting"), name="objects_waiting"
            ),
            models.Index(fields=["source", "done_at"], name="objects_by_time"),
            models.Index(fields=["source", "id"], condition=Q(state="set_aside"), name="objects_set_aside"),
        ]
