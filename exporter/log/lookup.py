"""Retained events: single events of the log, by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from exporter.log import event_log, imported_batches, unpacking


class Retained(NamedTuple):
    """An event as it is stored: one line of flat JSON."""

    number: int
    line: bytes
    received_at: datetime


_WHERE = """
SELECT n.number, b.id, b.first_event, b.received_at
  FROM unnest(%(numbers)s::bigint[]) n(number),
       LATERAL (SELECT id, first_event, received_at FROM exporter_eventbatch
                 WHERE workspace_id = %(whose)s AND end_event > n.number ORDER BY end_event LIMIT 1) b
 WHERE b.first_event <= n.number
"""
_WHERE_IMPORTED = _WHERE.replace("exporter_eventbatch", "exporter_importedbatch").replace(
    "workspace_id", "delivery_id"
)
# So many batches are held in memory at once (1 MB each at most).
_BATCHES = 50


def read(workspace_id: int, numbers: Iterable[int]) -> dict[int, Retained]:
    """The events with these numbers; what was trimmed, never came or cannot be read any more is missing."""
    return _read(_WHERE, workspace_id, numbers, event_log.payloads)


def read_imported(delivery_id: int, numbers: Iterable[int]) -> dict[int, Retained]:
    """The same of what was imported for one delivery."""
    return _read(_WHERE_IMPORTED, delivery_id, numbers, imported_batches.payloads)


def _read(
    where: str, whose: int, numbers: Iterable[int], payloads: Callable[[Sequence[int]], dict[int, bytes]]
) -> dict[int, Retained]:
    with connection.cursor() as cursor:
        cursor.execute(where, {"whose": whose, "numbers": sorted(set(numbers))})
        places: dict[int, list[tuple[int, int, datetime]]] = {}
        for number, batch_id, first, received_at in cursor.fetchall():
            places.setdefault(batch_id, []).append((number, first, received_at))
    found: dict[int, Retained] = {}
    batch_ids = list(places)
    for start in range(0, len(batch_ids), _BATCHES):
        for batch_id, payload in payloads(batch_ids[start : start + _BATCHES]).items():
            lines = _readable_lines(payload)
            for number, first, received_at in places[batch_id]:
                if number - first < len(lines):
                    found[number] = Retained(number, lines[number - first], received_at)
    return found


def _readable_lines(payload: bytes) -> list[bytes]:
    try:
        return unpacking.lines(payload)
    except unpacking.BatchUnreadable:
        return []
