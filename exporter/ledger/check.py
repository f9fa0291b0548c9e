"""The check of the ledger: the same numbers from four sources, which must agree.

The head from the log, the cursor from the delivery's row, the outcomes from the counts, and a recount that decodes
every retained event under the settings of its revision. The recount shares no code with the way events are delivered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from exporter.ledger import check_import, stored_events
from exporter.ledger.fates import Rules, fate
from exporter.log.batches import OTHER
from exporter.models import (
    Delivery,
    DeliveryKind,
    EventBatch,
    EventLog,
    LogMark,
    RecoveredEvent,
    RejectedEvent,
    Revision,
    Settlement,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, in a sentence."""

    workspace: str
    connector: str
    sentence: str

    def __str__(self) -> str:
        where = f"{self.workspace} › {self.connector}" if self.connector else self.workspace
        return f"{where}: {self.sentence}"


def check() -> list[Difference]:
    """Every difference in every workspace, read from one snapshot; an empty list means that the ledger balances."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found: list[Difference] = []
        for log in EventLog.objects.select_related("workspace").order_by("pk"):
            found.extend(Difference(log.workspace.slug, "", sentence) for sentence in _log(log))
        for delivery in Delivery.objects.select_related("connector", "workspace").order_by("pk"):
            found.extend(
                Difference(delivery.workspace.slug, delivery.connector.name, sentence)
                for sentence in _delivery(delivery)
            )
    return found


def _log(log: EventLog) -> Iterator[str]:
    """The batches must follow each other from the log's first event to its head and hold what they claim to hold."""
    first = LogMark.objects.filter(pk=log.pk).values_list("first_event", flat=True).first() or 0
    batches = EventBatch.objects.filter(workspace_id=log.pk, end_event__gt=first).order_by("end_event")
    # The oldest batch may begin before the mark: it still holds events after it.
    expected, partly = first, True
    for batch in batches.iterator(chunk_size=50):
        if batch.first_event != expected and not (partly and batch.first_event < expected):
            yield f"the log has a gap: a batch begins at {batch.first_event}, expected {expected}."
        expected, partly = batch.end_event, False
        lines = stored_events.lines(batch)
        if lines is None:
            yield f"the batch from {batch.first_event} to {batch.end_event - 1} cannot be read."
            continue
        held = len(lines)
        if held != batch.end_event - batch.first_event:
            yield f"the batch from {batch.first_event} holds {held} events, not {batch.end_event - batch.first_event}."
    if expected != log.next_event:
        yield f"the head is {log.next_event}, but the batches end at {expected}."
    received = _sum("SELECT sum(count) FROM exporter_receivedtotal WHERE workspace_id = %s", log.pk)
    if received != log.next_event:
        yield f"{log.next_event} events are in the log, but {received} were counted as received."


def _delivery(delivery: Delivery) -> Iterator[str]:
    moved = delivery.cursor - delivery.start
    for table in ("deliverytotal", "deliverycount", "deliveryhour"):
        counted = _sum(f"SELECT sum(count) FROM exporter_{table} WHERE delivery_id = %s", delivery.pk)  # noqa: S608
        if counted != moved:
            yield f"the cursor moved over {moved} events, but {table} holds {counted}."
    attempts = [
        _sum(f"SELECT sum(count) FROM exporter_{table} WHERE delivery_id = %s", delivery.pk)  # noqa: S608
        for table in ("attemptcount", "attempttotal")
    ]
    if attempts[0] != attempts[1]:
        yield f"the attempts by time are {attempts[0]}, but in all {attempts[1]}."
    yield from _settled(delivery)
    # A retry or a replay sends some events of its range; their outcomes are in the live ledger.
    if delivery.kind == DeliveryKind.LIVE:
        yield from _recounted(delivery)
    if delivery.kind == DeliveryKind.IMPORT:
        yield from check_import.differences(delivery)


def _settled(delivery: Delivery) -> Iterator[str]:
    """The settled ranges must reach from the first retained one to the cursor without a hole."""
    end: int | None = None
    for settlement in delivery.settlements.order_by("first_event"):
        if end is not None and settlement.first_event != end:
            yield f"settled ranges have a hole: one begins at {settlement.first_event}, expected {end}."
        end = settlement.end_event
    if (delivery.start if end is None else end) != delivery.cursor:
        yield f"the cursor is {delivery.cursor}, but what is settled ends at {end}."


def _recounted(delivery: Delivery) -> Iterator[str]:
    """Compares outcomes by type, recounted from the retained events, with the totals. Trimming can only make the
    totals larger."""
    counted: Counter[tuple[str, str]] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_type, outcome, count FROM exporter_deliverytotal WHERE delivery_id = %s",
            [delivery.pk],
        )
        for event_type, outcome, count in cursor.fetchall():
            counted[event_type, outcome] = count
    again, trimmed = recount(delivery)
    for key in sorted(set(counted) | set(again)):
        difference = counted[key] - again[key]
        if difference < 0 or (difference and not trimmed):
            yield f"{key[0]} {key[1]}: counted {counted[key]}, a recount of the log finds {again[key]}."
    if sum(counted.values()) - sum(again.values()) != trimmed:
        yield f"{trimmed} settled events are trimmed, but the counts differ by more from the recount."


def recount(delivery: Delivery) -> tuple[Counter[tuple[str, str]], int]:
    """Outcomes by `(event type, outcome)` of all retained settled events, and how many settled ones are trimmed."""
    rejected = set(
        RejectedEvent.objects.filter(
            connector_id=delivery.connector_id, event_number__isnull=False
        ).values_list("event_number", flat=True)
    )
    recovered = set(
        RecoveredEvent.objects.filter(connector_id=delivery.connector_id).values_list(
            "event_number", flat=True
        )
    )
    revisions = {
        revision.pk: Rules.of(revision)
        for revision in Revision.objects.filter(connector_id=delivery.connector_id)
    }
    ranges = list(delivery.settlements.order_by("first_event"))
    counts: Counter[tuple[str, str]] = Counter()
    batches = EventBatch.objects.filter(
        workspace_id=delivery.workspace_id, end_event__gt=delivery.start, first_event__lt=delivery.cursor
    ).order_by("end_event")
    seen = place = 0
    for settlement in ranges:
        if settlement.kind == "damaged":
            skipped = _skipped(settlement, delivery.workspace_id, revisions[settlement.revision_id])
            counts.update(skipped)
            seen += sum(skipped.values())
    for batch in batches.iterator(chunk_size=50):
        for number, line in enumerate(stored_events.lines(batch) or [], start=batch.first_event):
            if not delivery.start <= number < delivery.cursor:
                continue
            while place < len(ranges) - 1 and ranges[place].end_event <= number:
                place += 1
            if not ranges or not ranges[place].first_event <= number < ranges[place].end_event:
                continue
            if ranges[place].kind == "damaged":
                continue
            seen += 1
            event = stored_events.event(line)
            if event is None:
                counts[OTHER, "rejected"] += 1
                continue
            rules = revisions[ranges[place].revision_id]
            outcome = fate(
                event,
                rules,
                expired=ranges[place].kind == "expired" and number not in recovered,
                rejected=number in rejected,
            )
            counts[stored_events.counted_name(event["event_type"], batch.type_counts), outcome] += 1
    return counts, delivery.cursor - delivery.start - seen


def _skipped(settlement: Settlement, workspace_id: int, rules: Rules) -> Counter[tuple[str, str]]:
    """The outcomes of retained events that were passed unread: by the counts of their batch where it was passed whole
    and has counts of all its events; else rejected, of no type that could be told."""
    found: Counter[tuple[str, str]] = Counter()
    first, end = settlement.first_event, settlement.end_event
    mark = LogMark.objects.filter(pk=workspace_id).values_list("first_event", flat=True).first() or 0
    unknown = end - max(first, min(mark, end))
    batches = EventBatch.objects.filter(workspace_id=workspace_id, end_event__gt=first, first_event__lt=end)
    for batch in batches.only("first_event", "end_event", "type_counts"):
        whole = first <= batch.first_event and batch.end_event <= end
        size = batch.end_event - batch.first_event
        if whole and sum(events for events, _anonymous in batch.type_counts.values()) == size:
            found += _by_type(batch.type_counts, rules)
            unknown -= batch.end_event - max(batch.first_event, min(mark, batch.end_event))
    return found + Counter({(OTHER, "rejected"): unknown})


def _by_type(type_counts: dict[str, Any], rules: Rules) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for name, (events, anonymous) in type_counts.items():
        for user, count in (("somebody", events - anonymous), (None, anonymous)):
            event = {"event_type": name, "external_user_id": user}
            found[name, fate(event, rules, expired=False, rejected=True)] += count
    return +found


def _sum(query: str, key: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, [key])
        return int(cursor.fetchone()[0] or 0)
