"""The check of what was imported for one connector: its own batches against the counts of its replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from exporter.ledger import stored_events
from exporter.ledger.fates import Rules, fate
from exporter.log.batches import OTHER
from exporter.models import Delivery, ImportedBatch, Replay, Revision, Settled

# What depends on Segment's answers is told apart by the counts alone.
_SENT = ("delivered", "rejected")


def differences(delivery: Delivery) -> Iterator[str]:
    """In sentences. Once the replay is over its batches are deleted, and only the counts are left."""
    if Replay.objects.filter(delivery=delivery, finished_at__isnull=False).exists():
        return
    expected, recount = 0, _Recount(delivery)
    batches = ImportedBatch.objects.filter(delivery=delivery).order_by("end_event")
    for batch in batches.iterator(chunk_size=50):
        if batch.first_event != expected:
            yield f"imported batches have a gap: one begins at {batch.first_event}, expected {expected}."
        expected = batch.end_event
        lines = stored_events.lines(batch)
        if lines is None:
            yield f"the imported batch from {batch.first_event} to {batch.end_event - 1} cannot be read."
        recount.add(batch, lines or [])
    if expected != delivery.stop:
        yield f"the import ends at {delivery.stop}, but its batches end at {expected}."
    counted: Counter[tuple[str, str]] = Counter()
    for event_type, outcome, count in delivery.deliverytotal_set.values_list(
        "event_type", "outcome", "count"
    ):
        counted[event_type, _told_apart(outcome)] += count
    again = recount.found
    for key in sorted(set(counted) | set(again)):
        if counted[key] != again[key]:
            yield f"{key[0]} {key[1]}: counted {counted[key]}, a recount of the import finds {again[key]}."


class _Recount:
    """Outcomes by event type of all settled events, as `found`; batches are added in order."""

    def __init__(self, delivery: Delivery) -> None:
        self._ranges = list(delivery.settlements.order_by("first_event"))
        self._place = 0
        revisions = Revision.objects.filter(connector_id=delivery.connector_id)
        self._rules = {one.pk: Rules.of(one) for one in revisions}
        # What was passed unread is rejected, of no type that could be told.
        passed = [one for one in self._ranges if one.kind == Settled.DAMAGED]
        unread = sum(one.end_event - one.first_event for one in passed)
        self.found = +Counter({(OTHER, _told_apart("rejected")): unread})

    def add(self, batch: ImportedBatch, lines: list[bytes]) -> None:
        for number, line in enumerate(lines, start=batch.first_event):
            rules = self._settled_under(number)
            if rules is None:
                continue
            event = stored_events.event(line)
            if event is None:
                self.found[OTHER, _told_apart("rejected")] += 1
                continue
            outcome = fate(event, rules, expired=False, rejected=False)
            name = stored_events.counted_name(event["event_type"], batch.type_counts)
            self.found[name, _told_apart(outcome)] += 1

    def _settled_under(self, number: int) -> Rules | None:
        """The rules an event was judged by; None where it waits, or was passed unread."""
        while self._place < len(self._ranges) and self._ranges[self._place].end_event <= number:
            self._place += 1
        if self._place == len(self._ranges):
            return None
        found = self._ranges[self._place]
        if found.kind == Settled.DAMAGED or number < found.first_event:
            return None
        return self._rules[found.revision_id]


def _told_apart(outcome: str) -> str:
    return "sent" if outcome in _SENT else outcome
