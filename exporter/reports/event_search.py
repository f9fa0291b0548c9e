"""Finds events in the retained log, by id or by user, and says what became of them.

The newest events are looked at first, in slices bounded in time, so that a page can show what is found so far and how
much of the log was searched.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter.ledger import fates
from exporter.log import event_log, own_id, unpacking
from exporter.models import Attempt, Delivery, RecoveredEvent, RejectedEvent, Revision, Settled, Settlement

SECONDS = 0.4
MOST_FOUND = 20
_HASH_BYTES = 8
# Batches read by one statement: id hashes are small, payloads are read whole.
_BY_HASH, _BY_TEXT = 500, 20


class SearchBy(StrEnum):
    """What is searched for; `user` is Braze's user id, `external` the customer's own."""

    EVENT = "event"
    USER = "user"
    EXTERNAL = "external"


_FIELDS = {SearchBy.EVENT: "id", SearchBy.USER: "user_id", SearchBy.EXTERNAL: "external_user_id"}


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event of the log with its place; `event` is flat, as it was stored, with personal data."""

    number: int
    received_at: datetime
    event_type: str
    segment_event: str
    event: dict[str, Any]

    @property
    def own_id(self) -> str:
        """The id it is sent with where an earlier event of another type has its id; else empty."""
        return str(self.event.get(own_id.FIELD, ""))

    @property
    def made_up(self) -> bool:
        """Whether Braze sent it to try the connection out."""
        return CATALOGUE.is_test_event(self.event)


@dataclass(frozen=True, slots=True)
class Slice:
    """What a piece of the search came to: `before` is where the next piece begins (None: all is searched), `done`
    of `total` event numbers are searched."""

    found: list[FoundEvent]
    before: int | None
    done: int
    total: int


class Fate(NamedTuple):
    """What became of an event for a connector. `outcome` is one of the ledger's, or `pending`, or `earlier` (it came
    before the launch). `reason` is given for rejected ones, `attempt` where one carried it and is still kept."""

    outcome: str
    reason: str
    settled_under: datetime | None
    attempt: Attempt | None


_ENDS = """
SELECT next_event, coalesce(first_event, 0)
  FROM exporter_eventlog LEFT JOIN exporter_logmark USING (workspace_id) WHERE workspace_id = %s
"""
_HASHES = """
SELECT id, first_event, end_event, received_at, position(%(hash)s IN id_hashes) > 0
  FROM (SELECT id, first_event, end_event, received_at, id_hashes FROM exporter_eventbatch
         WHERE workspace_id = %(workspace)s AND end_event <= %(before)s AND end_event > %(first)s
         ORDER BY end_event DESC LIMIT %(most)s) newest
 ORDER BY end_event DESC
"""
_BATCHES = """
SELECT id, first_event, end_event, received_at, true FROM exporter_eventbatch
 WHERE workspace_id = %(workspace)s AND end_event <= %(before)s AND end_event > %(first)s
 ORDER BY end_event DESC LIMIT %(most)s
"""


_TEST_EVENTS = """
SELECT EXISTS (SELECT FROM (SELECT id_hashes FROM exporter_eventbatch WHERE workspace_id = %(workspace)s
                             ORDER BY end_event DESC LIMIT %(most)s) newest
                WHERE EXISTS (SELECT FROM unnest(%(hashes)s::bytea[]) AS hash WHERE position(hash IN id_hashes) > 0))
"""


def test_events_came(workspace_id: int) -> bool:
    """Whether test events of Braze are among the newest batches of the log."""
    hashes = [_hash(event_id) for event_id, _time in CATALOGUE.test_events]
    with connection.cursor() as cursor:
        cursor.execute(_TEST_EVENTS, {"workspace": workspace_id, "hashes": hashes, "most": _BY_TEXT})
        found: bool = cursor.fetchone()[0]
    return found


def _hash(event_id: str) -> bytes:
    return blake2b(event_id.encode("utf-8", "replace"), digest_size=_HASH_BYTES).digest()


def search(
    workspace_id: int, by: SearchBy, value: str, before: int | None = None, seconds: float = SECONDS
) -> Slice:
    """Searches the events below number `before` (None: from the head) for `seconds`, newest first.

    It ends early with 20 events found, or with the first event of an id, and always gets at least one batch further.
    """
    head, first = _ends(workspace_id)
    at, until = head if before is None else min(before, head), time.monotonic() + seconds
    found: list[FoundEvent] = []
    while at > first and not _is_enough(by, found):
        batches = _newest(workspace_id, by, value, at, first)
        if not batches:
            at = first
        for batch_id, begin, _end, received_at, likely in batches:
            if likely:
                found += _in_batch(batch_id, begin, received_at, by, value)
            at = begin
            if _is_enough(by, found):
                break
            if likely and time.monotonic() > until:
                break
        if time.monotonic() > until:
            break
    return Slice(found[:MOST_FOUND], at if at > first else None, head - at, head - first)


def _is_enough(by: SearchBy, found: list[FoundEvent]) -> bool:
    """Events of several types may share an id; all but the first of them bear ids of their own beside it."""
    return len(found) >= MOST_FOUND or (by == SearchBy.EVENT and any(not one.own_id for one in found))


def _ends(workspace_id: int) -> tuple[int, int]:
    """The next event number, and the first one still in the log."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDS, [workspace_id])
        row = cursor.fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _newest(workspace_id: int, by: SearchBy, value: str, before: int, first: int) -> list[tuple[Any, ...]]:
    query, most = (_HASHES, _BY_HASH) if by == SearchBy.EVENT else (_BATCHES, _BY_TEXT)
    terms: dict[str, Any] = {
        "workspace": workspace_id,
        "before": before,
        "first": first,
        "most": most,
        "hash": _hash(value),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        return list(cursor.fetchall())


def _in_batch(batch_id: int, begin: int, received_at: datetime, by: SearchBy, value: str) -> list[FoundEvent]:
    """The matching events of a batch, newest first; none if it cannot be read."""
    payload = event_log.payloads([batch_id]).get(batch_id)
    try:
        lines = [] if payload is None else unpacking.lines(payload)
    except unpacking.BatchUnreadable:
        return []
    # As the stored line spells it; a line without these bytes need not be decoded.
    spelt = msgspec.json.encode(value)
    found = []
    for place, line in enumerate(lines):
        if spelt not in line:
            continue
        event = json.loads(line)
        if event.get(_FIELDS[by]) == value:
            known = CATALOGUE.by_name.get(event["event_type"])
            name = known.event_type if known else event["event_type"]
            found.append(
                FoundEvent(
                    begin + place, received_at, name, known.name_in_segment(event) if known else "", event
                )
            )
    return found[::-1]


def fate(connector: Connector, found: FoundEvent) -> Fate:
    """What became of the event for the connector's live delivery."""
    delivery = Delivery.objects.get(connector=connector, kind="live")
    number = found.number
    if number < delivery.start:
        return Fate("earlier", "", None, None)
    if number >= delivery.cursor:
        return _ahead(delivery, found)
    settlement = (
        Settlement.objects.filter(delivery=delivery, first_event__lte=number, end_event__gt=number)
        .order_by("-first_event")
        .first()
    )
    if settlement is None:
        return Fate("pending", "", None, None)
    rejection = RejectedEvent.objects.filter(connector=connector, event_number=number).first()
    return _settled(delivery, found, settlement.revision_id, settlement.kind, rejection)


def _ahead(delivery: Delivery, found: FoundEvent) -> Fate:
    """The cursor has not passed it yet, but it may have been accepted ahead of the cursor."""
    for piece in delivery.ahead:
        if piece["first"] <= found.number < piece["end"]:
            reasons = {number: reason for number, _type, reason, _minute in piece["rejections"]}
            rejection = RejectedEvent(reason=reasons[found.number]) if found.number in reasons else None
            return _settled(delivery, found, piece["revision"], piece["kind"], rejection)
    attempt = _attempt(delivery, found, accepted=False)
    return Fate("pending", "", None, attempt)


def _settled(
    delivery: Delivery, found: FoundEvent, revision_id: int, kind: str, rejection: RejectedEvent | None
) -> Fate:
    revision = Revision.objects.get(pk=revision_id)
    rules = fates.Rules.of(revision)
    if rejection is None and kind == Settled.DAMAGED:
        rejection = RejectedEvent(reason="It could not be read and was passed.")
    expired = kind == Settled.EXPIRED and not _recovered(delivery, found.number)
    outcome = fates.fate(found.event, rules, expired=expired, rejected=rejection is not None)
    reason = rejection.reason if rejection is not None and outcome == "rejected" else ""
    attempt = (
        _attempt(delivery, found, accepted=outcome == "delivered")
        if outcome in ("delivered", "rejected", "expired")
        else None
    )
    return Fate(outcome, reason, revision.created_at, attempt)


def _recovered(delivery: Delivery, number: int) -> bool:
    """Whether a replay delivered it after it had expired."""
    return RecoveredEvent.objects.filter(connector_id=delivery.connector_id, event_number=number).exists()


def _attempt(delivery: Delivery, found: FoundEvent, *, accepted: bool) -> Attempt | None:
    """The attempt that carried the event: the accepted one (also of a retry), or else the latest."""
    carried = Attempt.objects.filter(
        delivery__connector_id=delivery.connector_id,
        first_event__lte=found.number,
        last_event__gte=found.number,
        at__gte=found.received_at - timedelta(seconds=1),
    )
    if accepted:
        return carried.filter(verdict="accepted").order_by("at").first()
    return carried.exclude(verdict="accepted").order_by("-at").first()
