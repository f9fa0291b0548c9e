"""Damage done to a stored log, as a failing disk or a table restored by hand would do it."""

from __future__ import annotations

from django.db import connection

from exporter.models import EventBatch


def cut_payload(number: int, size: int = 40) -> EventBatch:
    """Cuts the payload of the first workspace's batch that holds event `number`; answers the batch as it was."""
    batch = EventBatch.objects.filter(first_event__lte=number, end_event__gt=number).earliest("workspace_id")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_eventbatch SET payload = substr(payload, 1, %s) WHERE id = %s", [size, batch.pk]
        )
    return batch


def mend(batch: EventBatch) -> None:
    EventBatch.objects.filter(pk=batch.pk).update(payload=batch.payload, type_counts=batch.type_counts)
