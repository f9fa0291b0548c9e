"""Signs of life: when a part of the system last did its work."""

from __future__ import annotations

from django.db import models


class Sign(models.Model):
    """`part` is `worker`, `beat`, `sweep` or a chore; `at` is by the database's clock. The part `outage` holds the
    moment at which the latest outage of ours was over."""

    part = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
