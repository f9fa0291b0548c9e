"""Stored events as the check reads them: in code of its own, and whatever cannot be read ends no check."""

from __future__ import annotations

import json
from typing import Any

from connectors.catalogue.catalogue import CATALOGUE
from exporter.log import unpacking
from exporter.log.batches import OTHER
from exporter.models import EventBatch, ImportedBatch


def lines(batch: EventBatch | ImportedBatch) -> list[bytes] | None:
    """The events of a batch; None where it cannot be read."""
    try:
        return unpacking.lines(bytes(batch.payload))
    except unpacking.BatchUnreadable:
        return None


def event(line: bytes) -> dict[str, Any] | None:
    """A stored event; None where it cannot be read, which is rejected when its turn comes."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event_type"), str) else None


def counted_name(event_type: str, type_counts: dict[str, Any]) -> str:
    """The name an event of this type is counted under, where its batch has these counts."""
    name = CATALOGUE.canonical(event_type)
    return name if name in type_counts else OTHER
