"""What the parts of the installation tell of themselves: when each was last seen alive, and how long requests took."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """`part` is `web`, `worker:<queue>`, `beat`, `sweep` or a chore; `at` is by the database's clock.

    What runs once for the whole installation (sweep, chores) has no host. `skew_ms` is how far the host's clock is
    ahead of the database's. The part `outage` holds the moment at which the latest outage of ours was over.
    """

    part = models.CharField(max_length=40)
    host = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()
    version = models.CharField(max_length=40, blank=True)
    skew_ms = models.IntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["part", "host"], name="one_heartbeat_a_part_and_host")
        ]


class RequestDuration(models.Model):
    """How many requests of a kind (`dispatch.durations.Requests`) with this status took at most `bound` milliseconds,
    and more than the bound before it; how long they took together. Never falls."""

    pk = models.CompositePrimaryKey("kind", "status", "bound")
    kind = models.CharField(max_length=8)
    status = models.CharField(max_length=8)
    bound = models.IntegerField()
    count = models.BigIntegerField()
    milliseconds = models.BigIntegerField()
