"""What a replay reads: of the log's events those that were asked for; all others it passes, counted as of no type."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from exporter.delivery.body import Body
from exporter.delivery.reader import Reader, _Batch
from exporter.destinations.segment.transform import Judged, Plan, convert
from exporter.ledger.fates import Rules, fate
from exporter.ledger.outcomes import Outcome
from exporter.log import own_id
from exporter.log.batches import OTHER
from exporter.log.event_log import Header
from exporter.models import Replay, Revision, Settled
from exporter.sql import execute

EVERYTHING = "everything"
_PASSED = Judged(OTHER, Outcome.UNSELECTED, None, "")
# What the live delivery gave up; its ledger lists these events, by range or by number.
_LOST = frozenset({Outcome.EXPIRED.value, Outcome.REJECTED.value})
# How much of an id stays readable in a new one; Segment takes 100 characters.
_READABLE = 60

_RANGES = """
SELECT s.first_event, s.end_event, s.kind, s.revision_id FROM exporter_settlement s
  JOIN exporter_delivery d ON d.id = s.delivery_id
 WHERE d.connector_id = %(connector)s AND d.kind = 'live' AND s.end_event > %(first)s AND s.first_event < %(end)s
 ORDER BY s.first_event
"""
_SINGLE = """
SELECT event_number, 'rejected' FROM exporter_rejectedevent
 WHERE connector_id = %(connector)s AND event_number >= %(first)s AND event_number < %(end)s
 UNION ALL
SELECT event_number, 'delivered' FROM exporter_recoveredevent
 WHERE connector_id = %(connector)s AND event_number >= %(first)s AND event_number < %(end)s
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked for: event types (none: all), live outcomes (`everything`: all), and whether ids stay."""

    replay_id: int
    event_types: frozenset[str]
    outcomes: frozenset[str]
    same_ids: bool

    @classmethod
    def of(cls, replay: Replay) -> Scope:
        return cls(replay.pk, frozenset(replay.event_types), frozenset(replay.outcomes), replay.same_ids)

    @property
    def is_all(self) -> bool:
        """Whether every event was asked for, as it is."""
        return EVERYTHING in self.outcomes and not self.event_types and self.same_ids

    def wants_type(self, name: str) -> bool:
        return not self.event_types or name in self.event_types

    def wants_outcome(self, outcome: str) -> bool:
        return EVERYTHING in self.outcomes or outcome in self.outcomes


class _Range(NamedTuple):
    first: int
    end: int
    kind: str
    revision_id: int


class Was(NamedTuple):
    """What an event was in the live ledger when it was read, and how it is counted there."""

    outcome: str
    minute: datetime
    event_type: str


@dataclass(slots=True)
class _Known:
    """What the live ledger says of the batches that are read next."""

    ranges: list[_Range] = field(default_factory=list)
    single: dict[int, str] = field(default_factory=dict)

    def of_all(self, header: Header) -> _Range | None:
        """What became of all events of a batch alike; None where they differ."""
        found = self.of(header.first_event)
        if found is None or found.end < header.end_event:
            return None
        single = any(header.first_event <= number < header.end_event for number in self.single)
        return None if single else found

    def of(self, number: int) -> _Range | None:
        place = bisect_right(self.ranges, number, key=lambda one: one.first) - 1
        return self.ranges[place] if place >= 0 and number < self.ranges[place].end else None


class ReplayReader(Reader):
    """`was` tells of every event that had expired or been rejected and became a call what it was, until the one who
    settles it takes it away."""

    def __init__(
        self, workspace_id: int, plan: Plan, revision_id: int, connector_id: int, scope: Scope
    ) -> None:
        super().__init__(workspace_id, plan, revision_id, helped=True)
        self.connector_id = connector_id
        self.scope = scope
        self.was: dict[int, Was] = {}
        self._known = _Known()
        self._rules: dict[int, Rules] = {}

    def prepare(self, headers: list[Header]) -> None:
        if not headers:
            return
        terms = {
            "connector": self.connector_id,
            "first": (self._batches[0].header if self._batches else headers[0]).first_event,
            "end": headers[-1].end_event,
        }
        self._known = _Known([_Range(*row) for row in execute(_RANGES, terms)], dict(execute(_SINGLE, terms)))

    def _sends(self, header: Header) -> bool:
        """Whether an event of the batch may be wanted; what cannot be is passed unread."""
        if not any(self.scope.wants_type(name) or name == OTHER for name in header.type_counts):
            return False
        # Which events were delivered or left out stands nowhere: it follows from the events themselves.
        if not self.scope.outcomes <= _LOST:
            return True
        if any(header.first_event <= number < header.end_event for number in self._known.single):
            return True
        kinds = {
            one.kind
            for one in self._known.ranges
            if one.first < header.end_event and one.end > header.first_event
        }
        return Outcome.EXPIRED in self.scope.outcomes and Settled.EXPIRED in kinds

    def _skip(self, body: Body, batch: _Batch) -> None:
        header = batch.header
        body.left[batch.minute, OTHER, Outcome.UNSELECTED] += header.end_event - header.first_event
        body.end = header.end_event

    def _judge(self, header: Header, lines: list[bytes]) -> list[Judged]:
        converted = super()._judge(header, lines)
        if self._converts(header):
            return self._chosen(header, converted)
        alike, judged = self._alike(header), []
        for number, (line, one) in enumerate(zip(lines, converted, strict=True), start=header.first_event):
            outcome = self._outcome(number, line, one) if alike is None else _of_now(alike, one)
            wanted = self._wanted(header, number, one, outcome)
            if wanted.call is not None and not self.scope.same_ids:
                wanted = convert(renamed(line, self.scope.replay_id), self.plan)
            judged.append(wanted)
        return judged

    def _converts(self, header: Header) -> bool:
        return self.scope.same_ids and self._alike(header) is not None

    def _chosen(self, header: Header, judged: list[Judged]) -> list[Judged]:
        alike = self._alike(header)
        if alike is None:
            return []  # It was when it was given away to be converted.
        if alike.kind != Settled.EXPIRED and self.scope.is_all:
            return judged
        return [
            self._wanted(header, number, one, _of_now(alike, one))
            for number, one in enumerate(judged, start=header.first_event)
        ]

    def _alike(self, header: Header) -> _Range | None:
        """What became of all events of a batch under the settings of now; None where that is told event by event."""
        found = self._known.of_all(header)
        return found if found is not None and found.revision_id == self.revision_id else None

    def _wanted(self, header: Header, number: int, one: Judged, outcome: str) -> Judged:
        """The event as it was judged if it was asked for, and what it was if it had been lost."""
        if not (self.scope.wants_type(one.event_type) and self.scope.wants_outcome(outcome)):
            return _PASSED
        if one.call is not None and outcome in _LOST:
            name = one.event_type if one.event_type in header.type_counts else OTHER
            self.was[number] = Was(outcome, header.received_at.replace(second=0, microsecond=0), name)
        return one

    def _outcome(self, number: int, line: bytes, judged: Judged) -> str:
        """What the event is in the live ledger. Under settings that have not changed since, that follows from what it
        would be now."""
        found = self._known.of(number)
        if found is None:
            return ""
        single = self._known.single.get(number, "")
        if found.revision_id != self.revision_id:
            rules = self._rules_of(found.revision_id)
            expired = found.kind == Settled.EXPIRED and single != Outcome.DELIVERED
            return fate(json.loads(line), rules, expired=expired, rejected=single == Outcome.REJECTED)
        return single or _of_now(found, judged)

    def _rules_of(self, revision_id: int) -> Rules:
        if revision_id not in self._rules:
            self._rules[revision_id] = Rules.of(Revision.objects.get(pk=revision_id))
        return self._rules[revision_id]


def _of_now(found: _Range, judged: Judged) -> str:
    """What became of an event of this range under the settings of now."""
    if judged.call is None and judged.outcome != Outcome.REJECTED:
        return str(judged.outcome)
    return (Outcome.EXPIRED if found.kind == Settled.EXPIRED else Outcome.DELIVERED).value


def renamed(line: bytes, replay_id: int) -> bytes:
    """The same event under an id of this replay: the same one whenever it is made again."""
    event: dict[str, Any] = json.loads(line)
    goes_by = str(event.get(own_id.FIELD) or event["id"])
    digest = blake2b(goes_by.encode(), digest_size=6).hexdigest()
    event[own_id.FIELD] = f"{goes_by[:_READABLE]}-replay-{replay_id}-{digest}"
    return json.dumps(event).encode()
