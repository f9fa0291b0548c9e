"""Replays: what was asked for, how far it is; and which events they recovered."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from connectors.models import Connector, User
from exporter.models.deliveries import Delivery


class ReplayState(models.TextChoices):
    # Some languages give a replay a gender.
    WAITING = "waiting", pgettext_lazy("of a replay", "Waiting")
    RUNNING = "running", pgettext_lazy("of a replay", "Running")
    PAUSED = "paused", pgettext_lazy("of a replay", "Paused")
    DONE = "done", pgettext_lazy("of a replay", "Done")
    CANCELLED = "cancelled", pgettext_lazy("of a replay", "Cancelled")
    FAILED = "failed", pgettext_lazy("of a replay", "Failed")

    @property
    def over(self) -> bool:
        return self in (ReplayState.DONE, ReplayState.CANCELLED, ReplayState.FAILED)


class Replay(models.Model):
    """A delivery of kind `replay`: the events received from `since` to `until`, of the types and live outcomes named.

    No types means all; the outcome `everything` means all. `rate` is events a second, None without a limit; `events`
    is how many were counted when it was asked for. At most one of a connector is running or paused. `told_at` is when
    its end was mailed; `recovered_…` count the events it moved in the live ledger to delivered, by what they were.
    """

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="replays")
    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="replay")
    state = models.CharField(max_length=10, choices=ReplayState.choices, default=ReplayState.WAITING)
    since = models.DateTimeField()
    until = models.DateTimeField()
    event_types = ArrayField(models.CharField(max_length=200), default=list)
    outcomes = ArrayField(models.CharField(max_length=12))
    same_ids = models.BooleanField(default=True)
    rate = models.IntegerField(null=True)
    events = models.BigIntegerField()
    recovered_expired = models.BigIntegerField(default=0)
    recovered_rejected = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    mail_claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(state__in=["running", "paused"]),
                name="one_replay_at_a_time_per_connector",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ReplayState.values), name="replay_has_a_known_state"
            ),
        ]


class RecoveredEvent(models.Model):
    """An event that had expired for a connector and was accepted in a replay: its outcome is delivered."""

    connector = models.ForeignKey(
        Connector, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    event_number = models.BigIntegerField()
    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connector", "event_number"], name="an_event_is_recovered_once")
        ]
