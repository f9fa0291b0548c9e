"""What was seen of the events themselves: types and fields, as the field census found them in the log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from connectors.models import Workspace


class Form(models.IntegerChoices):
    """The forms of a JSON value, as bits."""

    NULL = 1
    TEXT = 2
    WHOLE = 4
    DECIMAL = 8
    TRUTH = 16
    LIST = 32
    OBJECT = 64


class FieldCensus(models.Model):
    """How far a workspace's log was looked at; events below `next_event` are not looked at again."""

    workspace = models.OneToOneField(
        Workspace, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    next_event = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField()


class SeenType(models.Model):
    """An event type that came, known or not; `examined` of its events were looked at field by field."""

    pk = models.CompositePrimaryKey("workspace_id", "event_type")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=200)
    examined = models.BigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()


class SeenField(models.Model):
    """A field of a type: in how many of the examined events it stood, in which forms (the bits of `Form`).

    `drifted_at`: when a form came that it had not had before, though it had been seen often enough to expect none.
    """

    pk = models.CompositePrimaryKey("workspace_id", "event_type", "field")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=200)
    field = models.CharField(max_length=200)
    examined = models.BigIntegerField()
    forms = models.SmallIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    drifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(forms__gt=0), name="seen_field_has_a_form")
        ]
