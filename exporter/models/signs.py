"""Signs of life: when a part of the system last did its work."""

from __future__ import annotations

from django.db import models


class Sign(models.Model):
    """`part` is `worker`, `beat` or `sweep`; `at` is by the database's clock."""

    part = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
