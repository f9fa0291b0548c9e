"""Counts: what was received, what became of it, how long it took, what was answered.

`minute` is the minute an event was *received* (for `AttemptCount`: the minute of sending), in UTC; rows older than
3 hours are rolled up, so that their `minute` is the beginning of an hour. Totals are written beside them and are
never rolled up or trimmed. What is counted of a delivery outlives it until
`exporter.maintenance.deleted_history` clears it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from connectors.models import Workspace
from exporter.models.deliveries import OUTCOMES, Delivery


class ReceivedCount(models.Model):
    pk = models.CompositePrimaryKey("workspace_id", "minute", "event_type")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    minute = models.DateTimeField()
    event_type = models.CharField(max_length=200)
    count = models.BigIntegerField()
    anonymous = models.BigIntegerField(default=0)


class ReceivedTotal(models.Model):
    pk = models.CompositePrimaryKey("workspace_id", "event_type")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=200)
    count = models.BigIntegerField()
    anonymous = models.BigIntegerField(default=0)
    last_received_at = models.DateTimeField()


class DeliveryCount(models.Model):
    pk = models.CompositePrimaryKey("delivery_id", "minute", "event_type", "outcome")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    minute = models.DateTimeField()
    event_type = models.CharField(max_length=200)
    outcome = models.CharField(max_length=12)
    count = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=OUTCOMES), name="delivery_count_has_a_known_outcome"
            )
        ]


class DeliveryTotal(models.Model):
    pk = models.CompositePrimaryKey("delivery_id", "event_type", "outcome")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=200)
    outcome = models.CharField(max_length=12)
    count = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=OUTCOMES), name="delivery_total_has_a_known_outcome"
            )
        ]


class DeliveryHour(models.Model):
    """Outcomes of all event types together by the hour of receipt: what lists, sparklines and long windows read."""

    pk = models.CompositePrimaryKey("delivery_id", "hour", "outcome")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=12)
    count = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(outcome__in=OUTCOMES), name="delivery_hour_has_a_known_outcome"
            )
        ]


class DeliveryStart(models.Model):
    """What the workspace had received of a type when the delivery was created, so that what it has received since
    then is known without the outcomes."""

    pk = models.CompositePrimaryKey("delivery_id", "event_type")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=200)
    count = models.BigIntegerField()


class AttemptCount(models.Model):
    """Requests by answer: `answer` is the status code, or `none` where no answer came."""

    pk = models.CompositePrimaryKey("delivery_id", "minute", "answer")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    minute = models.DateTimeField()
    answer = models.CharField(max_length=8)
    count = models.BigIntegerField()
    milliseconds = models.BigIntegerField(default=0)


class AttemptTotal(models.Model):
    """The same in total since the delivery was created, so that nobody has to add up years of hours."""

    pk = models.CompositePrimaryKey("delivery_id", "answer")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    answer = models.CharField(max_length=8)
    count = models.BigIntegerField()
    milliseconds = models.BigIntegerField(default=0)


class DeliveryDelay(models.Model):
    """Seconds from receipt to acceptance, in 24 logarithmic buckets (`exporter.ledger.delay_buckets` has their
    bounds)."""

    pk = models.CompositePrimaryKey("delivery_id", "minute", "bucket")
    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    minute = models.DateTimeField()
    bucket = models.SmallIntegerField()
    count = models.BigIntegerField()

    BUCKETS: ClassVar[int] = 24
