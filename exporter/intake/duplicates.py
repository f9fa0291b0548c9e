"""Duplicates: which events a workspace stored lately, told by their ids.

An event is a duplicate if an event with its id was stored in this workspace within the last 200,000 events or
24 hours, whichever is less. The window's id hashes are held in memory together with the head they reach to;
whoever appends compares that head with the log's, so several processes are exact together. A hash alone
decides nothing: a hit is looked up in the stored batch.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import psycopg

from exporter.log import event_log
from exporter.log.events import Incoming

WINDOW_EVENTS = 200_000
WINDOW_AGE = timedelta(hours=24)
MOST_HASHES = 2_000_000
_HASH_BYTES = 8


class Segment(NamedTuple):
    """One stored batch as the window knows it."""

    first_event: int
    end_event: int
    received_at: datetime
    id_hashes: bytes


class _Identity(msgspec.Struct):
    id: str


_decode_identity = msgspec.json.Decoder(_Identity).decode


class Window:
    """The latest events of one workspace: `places` maps an id hash to the segment that holds it last. What a
    transaction appends is added by `remember` only after its commit."""

    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self.head = 0
        self.segments: deque[Segment] = deque()
        self.places: dict[bytes, Segment] = {}
        # Another process appends to this workspace too: it pays to look before claiming numbers.
        self.shared = True

    def catch_up(self, sql: psycopg.Cursor[Any], log_head: int, now: datetime) -> None:
        """Reads what others appended. `log_head` is the log's head, read before."""
        if log_head < self.head:
            # The log was restored from an earlier state: nothing remembered counts any more.
            self.head = 0
            self.segments.clear()
            self.places.clear()
        # Binary, or the hashes would travel as hexadecimal text.
        rows = sql.execute(
            "SELECT first_event, end_event, received_at, id_hashes FROM exporter_eventbatch "
            "WHERE workspace_id = %s AND end_event > %s AND received_at > %s ORDER BY end_event",
            (self.workspace_id, max(self.head, log_head - WINDOW_EVENTS), now - WINDOW_AGE),
            binary=True,
        )
        self.remember([Segment(*row) for row in rows])
        self.head = max(self.head, log_head)

    def remember(self, segments: Iterable[Segment]) -> None:
        """Adds stored batches, which follow those known."""
        for segment in segments:
            self.segments.append(segment)
            self.places.update(dict.fromkeys(_split(segment.id_hashes), segment))
            self.head = segment.end_event

    def expire(self, now: datetime) -> None:
        """Forgets what lies outside the window."""
        oldest_event, oldest_time = self.head - WINDOW_EVENTS, now - WINDOW_AGE
        while self.segments and (
            self.segments[0].end_event <= oldest_event or self.segments[0].received_at <= oldest_time
        ):
            gone = self.segments.popleft()
            for id_hash in _split(gone.id_hashes):
                if self.places.get(id_hash) is gone:
                    del self.places[id_hash]

    def fresh(
        self, sql: psycopg.Cursor[Any], bodies: Sequence[Sequence[Incoming]]
    ) -> list[Sequence[Incoming]]:
        """The events of each body that are neither stored in the window nor earlier among these bodies. A
        body without duplicates is answered as the very object it was."""
        hashes = [event.id_hash for body in bodies for event in body]
        if self.places.keys().isdisjoint(hashes) and len(set(hashes)) == len(hashes):
            return list(bodies)
        suspects = [event for body in bodies for event in body if event.id_hash in self.places]
        seen = self._stored(sql, suspects)
        kept: list[Sequence[Incoming]] = []
        for body in bodies:
            new = []
            for event in body:
                if event.id not in seen:
                    seen.add(event.id)
                    new.append(event)
            kept.append(body if len(new) == len(body) else new)
        return kept

    def _stored(self, sql: psycopg.Cursor[Any], suspects: Sequence[Incoming]) -> set[str]:
        """The ids among the suspects that the stored batches really hold."""
        found = self._confirm(sql, suspects, lambda event: [self.places[event.id_hash]])
        # Two ids with one hash: the id may stand in an older batch than the one remembered for the hash.
        unconfirmed = [event for event in suspects if event.id not in found]
        return found | self._confirm(
            sql, unconfirmed, lambda event: [one for one in self.segments if event.id_hash in one.id_hashes]
        )

    def _confirm(
        self,
        sql: psycopg.Cursor[Any],
        suspects: Iterable[Incoming],
        where: Callable[[Incoming], list[Segment]],
    ) -> set[str]:
        wanted: dict[int, tuple[Segment, set[bytes]]] = {}
        for event in suspects:
            for segment in where(event):
                wanted.setdefault(segment.end_event, (segment, set()))[1].add(event.id_hash)
        if not wanted:
            return set()
        rows = sql.execute(
            "SELECT end_event, payload FROM exporter_eventbatch "
            "WHERE workspace_id = %s AND end_event = ANY(%s)",
            (self.workspace_id, list(wanted)),
            binary=True,
        )
        found: set[str] = set()
        for end_event, payload in rows:
            segment, id_hashes = wanted[end_event]
            lines = event_log.lines(payload)
            found.update(
                _decode_identity(lines[place]).id
                for place, id_hash in enumerate(_split(segment.id_hashes))
                if id_hash in id_hashes and segment.first_event + place >= self.head - WINDOW_EVENTS
            )
        return found


class Duplicates:
    """The windows of the workspaces that appended last, `most` hashes together at most."""

    def __init__(self, most: int = MOST_HASHES) -> None:
        self._most = most
        self._windows: OrderedDict[int, Window] = OrderedDict()

    def __contains__(self, workspace_id: int) -> bool:
        return workspace_id in self._windows

    def window(self, workspace_id: int) -> Window:
        """The workspace's window, an empty one at head 0 where nothing is known yet."""
        window = self._windows.pop(workspace_id, None) or Window(workspace_id)
        self._windows[workspace_id] = window
        return window

    def trim(self) -> None:
        """Lets the least recently used windows go while too much is held."""
        held = sum(len(window.places) for window in self._windows.values())
        for workspace_id in list(islice(self._windows, len(self._windows) - 1)):
            if held <= self._most:
                return
            held -= len(self._windows.pop(workspace_id).places)


def _split(id_hashes: bytes) -> list[bytes]:
    return [id_hashes[at : at + _HASH_BYTES] for at in range(0, len(id_hashes), _HASH_BYTES)]
