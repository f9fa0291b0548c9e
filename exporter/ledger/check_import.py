"""The check of what was imported for one connector: its own batches against the counts of its replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from connectors.catalogue.catalogue import CATALOGUE
from exporter.ledger.fates import Rules, fate
from exporter.log import unpacking
from exporter.log.batches import OTHER
from exporter.models import Delivery, ImportedBatch, Replay, Revision, Settlement

# What depends on Segment's answers is told apart by the counts alone.
_SENT = ("delivered", "rejected")


def differences(delivery: Delivery) -> Iterator[str]:
    """In sentences. Once the replay is over its batches are deleted, and only the counts are left."""
    if Replay.objects.filter(delivery=delivery, finished_at__isnull=False).exists():
        return
    expected = 0
    batches = list(ImportedBatch.objects.filter(delivery=delivery).order_by("end_event"))
    for batch in batches:
        if batch.first_event != expected:
            yield f"imported batches have a gap: one begins at {batch.first_event}, expected {expected}."
        expected = batch.end_event
    if expected != delivery.stop:
        yield f"the import ends at {delivery.stop}, but its batches end at {expected}."
    counted: Counter[tuple[str, str]] = Counter()
    for event_type, outcome, count in delivery.deliverytotal_set.values_list(
        "event_type", "outcome", "count"
    ):
        counted[event_type, "sent" if outcome in _SENT else outcome] += count
    again = _recount(delivery, batches)
    for key in sorted(set(counted) | set(again)):
        if counted[key] != again[key]:
            yield f"{key[0]} {key[1]}: counted {counted[key]}, a recount of the import finds {again[key]}."


def _recount(delivery: Delivery, batches: list[ImportedBatch]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    ranges = list(delivery.settlements.order_by("first_event"))
    rules = {one.pk: Rules.of(one) for one in Revision.objects.filter(connector_id=delivery.connector_id)}
    for batch in batches:
        for number, line in enumerate(unpacking.lines(bytes(batch.payload)), start=batch.first_event):
            settled = _settled(ranges, number)
            if settled is None:
                continue
            event = json.loads(line)
            outcome = fate(event, rules[settled.revision_id], expired=False, rejected=False)
            name = CATALOGUE.canonical(event["event_type"])
            counted_as = name if name in batch.type_counts else OTHER
            found[counted_as, "sent" if outcome in _SENT else outcome] += 1
    return found


def _settled(ranges: list[Settlement], number: int) -> Settlement | None:
    return next((one for one in ranges if one.first_event <= number < one.end_event), None)
