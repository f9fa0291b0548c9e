"""Duplicates: recognises events that a workspace stored recently, by their type and id.

An event is a duplicate if an event with its type and id was stored in this workspace within the last 200,000 events or
24 hours, whichever is less. The window's id hashes are held in memory together with the head they reach to; every
append compares that head with the log's, so several processes agree exactly. A hash alone decides nothing: a hit is
looked up in the log. An event with the same id and another type is not a duplicate; it also gets an id of its own.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import psycopg

from exporter.intake.id_index import IdIndex
from exporter.intake.normalise import Incoming
from exporter.log import lookup, own_id

WINDOW_EVENTS = 200_000
WINDOW_AGE = timedelta(hours=24)
# Of all windows of a process together: 75 MB.
MOST_HASHES = 3_000_000
# What an empty window costs, in hashes.
_WINDOW_COSTS = 64

# Binary, or the hashes would travel as hexadecimal text. A minute of them is one row, however small the batches are.
_BEHIND = """
SELECT min(first_event), max(end_event), max(received_at), string_agg(id_hashes, ''::bytea ORDER BY end_event)
  FROM exporter_eventbatch WHERE workspace_id = %s AND end_event > %s AND received_at > %s
 GROUP BY date_trunc('minute', received_at) ORDER BY 1
"""


class Segment(NamedTuple):
    """Consecutive stored events as the window knows them, one batch or several of a minute."""

    first_event: int
    end_event: int
    received_at: datetime
    id_hashes: bytes


class _Identity(msgspec.Struct):
    event_type: str
    id: str


_decode_identity = msgspec.json.Decoder(_Identity).decode


class IdWindow:
    """The latest events of one workspace. What a transaction appends is added by `remember` only after its commit."""

    def __init__(self, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        # Another process appends to this workspace too, so it pays to look before claiming numbers.
        self.shared = True
        self.size_noted = 0
        self._forget()

    def _forget(self) -> None:
        self.head = 0
        self._index = IdIndex()
        # Where each minute ends, and its last moment: by them the window ages.
        self._minutes: deque[tuple[int, datetime]] = deque()
        self._oldest_by_age = 0

    @property
    def size(self) -> int:
        """What it holds, in hashes."""
        return len(self._index) + _WINDOW_COSTS

    @property
    def oldest(self) -> int:
        """The first event number within the window."""
        return max(self.head - WINDOW_EVENTS, self._oldest_by_age)

    def catch_up(self, sql: psycopg.Cursor[Any], log_head: int, now: datetime) -> None:
        """Reads what others have appended. `log_head` is the log's head, read before."""
        if log_head < self.head:
            # The log was restored from an earlier state, so nothing remembered is valid.
            self._forget()
        after = max(self.head, log_head - WINDOW_EVENTS)
        if after < log_head:
            rows = sql.execute(_BEHIND, (self.workspace_id, after, now - WINDOW_AGE), binary=True)
            self.remember(Segment(*row) for row in rows)
            self.head = max(self.head, log_head)

    def remember(self, segments: Iterable[Segment]) -> None:
        """Adds stored events; they must follow the known ones."""
        for segment in segments:
            self.head = segment.end_event
            self._index.add(segment.id_hashes, segment.first_event, self.oldest)
            if self._minutes and _minute(self._minutes[-1][1]) == _minute(segment.received_at):
                self._minutes.pop()
            self._minutes.append((segment.end_event, segment.received_at))

    def expire(self, now: datetime) -> None:
        """Forgets events outside the window."""
        while self._minutes and (
            self._minutes[0][1] <= now - WINDOW_AGE or self._minutes[0][0] <= self.head - WINDOW_EVENTS
        ):
            self._oldest_by_age = self._minutes.popleft()[0]

    def fresh(self, bodies: Sequence[Sequence[Incoming]]) -> list[Sequence[Incoming]]:
        """The events of each body that are neither stored in the window nor earlier among these bodies, each with an id
        of its own where an earlier event has its id. A body that stays as it is is answered as the very object it was.

        Reads the log in the caller's transaction.
        """
        hashes = [event.id_hash for body in bodies for event in body]
        if len(set(hashes)) == len(hashes) and self._index.knows_none_of(hashes):
            return list(bodies)
        types = self._stored_types(hashes)
        return [self._judge(body, types) for body in bodies]

    def _judge(self, body: Sequence[Incoming], types: dict[str, set[str]]) -> Sequence[Incoming]:
        """`types` has the event types that came with an id; this body's are added."""
        kept, is_whole = [], True
        for event in body:
            with_this_id = types.setdefault(event.id, set())
            if event.event_type in with_this_id:
                is_whole = False
                continue
            if with_this_id:
                is_whole = False
                event = event._replace(line=own_id.mark(event.line, event.event_type, event.id))
            with_this_id.add(event.event_type)
            kept.append(event)
        return body if is_whole else kept

    def _stored_types(self, hashes: Iterable[bytes]) -> dict[str, set[str]]:
        """The ids that stored events with one of these hashes really have, with the types they came with."""
        oldest = self.oldest
        wanted = {number for one in set(hashes) for number in self._index.numbers(one, oldest)}
        types: dict[str, set[str]] = {}
        for line in self._stored(wanted):
            identity = _decode_identity(line)
            types.setdefault(identity.id, set()).add(identity.event_type)
        return types

    def _stored(self, numbers: Iterable[int]) -> list[bytes]:
        """What is still there of the events with these numbers."""
        return [stored.line for stored in lookup.read(self.workspace_id, numbers).values()]


class Duplicates:
    """The windows of the workspaces that appended last, `most` hashes together at most."""

    def __init__(self, most: int = MOST_HASHES) -> None:
        self._most = most
        self._held = 0
        self._windows: OrderedDict[int, IdWindow] = OrderedDict()

    def __contains__(self, workspace_id: int) -> bool:
        return workspace_id in self._windows

    def window(self, workspace_id: int) -> IdWindow:
        """The workspace's window, an empty one at head 0 where nothing is known yet."""
        window = self._windows.pop(workspace_id, None) or IdWindow(workspace_id)
        self._windows[workspace_id] = window
        return window

    def trim(self, changed: Iterable[IdWindow]) -> None:
        """Notes the sizes of these windows; lets the least recently used ones go while too much is held."""
        for window in changed:
            self._held += window.size - window.size_noted
            window.size_noted = window.size
        while self._held > self._most and len(self._windows) > 1:
            self._held -= self._windows.popitem(last=False)[1].size_noted


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60
