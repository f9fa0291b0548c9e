"""The rows a chore cannot do its work for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ChoreFault(models.Model):
    """A row, `row_id`, for which a chore fails; until it works again, the other rows go first."""

    chore = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    fault = models.CharField(max_length=500)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chore", "row_id"], name="one_fault_per_chore_and_row")
        ]
