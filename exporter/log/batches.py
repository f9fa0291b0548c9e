"""Batches: cuts accepted events into what one row of the log holds. No database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import zstandard

from connectors.catalogue.catalogue import KNOWN
from exporter.log.events import Incoming

MOST_EVENTS = 1_000
# Uncompressed; an event larger than this has a batch of its own.
MOST_BYTES = 1_000_000
# Types outside the catalogue whose names are not kept are counted under this name.
OTHER = "other"

TypeCounts = dict[str, list[int]]

# By place: an attribute of a named tuple takes twice as long.
_line, _id_hash, _type_and_anonymous = (
    itemgetter(*map(Incoming._fields.index, names))
    for names in (["line"], ["id_hash"], ["event_type", "anonymous"])
)


class _Compressors(threading.local):
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3)


_threads = _Compressors()


@dataclass(slots=True)
class Batch:
    """Consecutive events for the log: `text` is NDJSON without a final line break, `id_hashes` has 8
    bytes an event, `type_counts` `{event type: [events, of these anonymous]}`."""

    count: int
    type_counts: TypeCounts
    id_hashes: bytes
    text: bytes
    payload: bytes | None = field(default=None, repr=False)

    def compressed(self) -> bytes:
        if self.payload is None:
            self.payload = _threads.compressor.compress(self.text)
        return self.payload

    def unknown_types(self) -> set[str]:
        """The names the catalogue does not have."""
        return self.type_counts.keys() - KNOWN - {OTHER}

    def rename_types(self, names: set[str]) -> None:
        """Counts events of these types under `OTHER`; the events themselves keep their type."""
        for name in names & self.type_counts.keys():
            events, anonymous = self.type_counts.pop(name)
            sums = self.type_counts.setdefault(OTHER, [0, 0])
            sums[0] += events
            sums[1] += anonymous


def add_counts(sums: TypeCounts, more: TypeCounts) -> None:
    for event_type, (events, anonymous) in more.items():
        own = sums.setdefault(event_type, [0, 0])
        own[0] += events
        own[1] += anonymous


def make(events: Sequence[Incoming]) -> Batch:
    """One batch of all these events; there must be at least one."""
    type_counts: TypeCounts = {}
    for (event_type, anonymous), count in Counter(map(_type_and_anonymous, events)).items():
        sums = type_counts.setdefault(event_type, [0, 0])
        sums[0] += count
        sums[1] += count if anonymous else 0
    return Batch(
        len(events),
        type_counts,
        b"".join(map(_id_hash, events)),
        b"\n".join(map(_line, events)),
    )


def cut(events: Sequence[Incoming]) -> list[Batch]:
    """The events in as few batches as the limits allow, in their order."""
    return [make(piece) for piece in _pieces(events)]


def _pieces(events: Sequence[Incoming]) -> Iterator[Sequence[Incoming]]:
    if 0 < len(events) <= MOST_EVENTS and sum(map(len, map(_line, events))) + len(events) <= MOST_BYTES:
        yield events
        return
    start = size = 0
    for place, event in enumerate(events):
        size += len(event.line) + 1
        if place > start and (size > MOST_BYTES or place - start == MOST_EVENTS):
            yield events[start:place]
            start, size = place, len(event.line) + 1
    if len(events) > start:
        yield events[start:]


def join(batches: Sequence[Batch]) -> list[Batch]:
    """The same events in fewer batches: neighbours that fit are joined, so that they compress well.
    Compressed ones stay as they are."""
    runs: list[list[Batch]] = []
    count = size = 0
    for batch in batches:
        count += batch.count
        size += len(batch.text) + 1
        open_run = bool(runs) and runs[-1][-1].payload is None
        if batch.payload is None and open_run and count <= MOST_EVENTS and size <= MOST_BYTES:
            runs[-1].append(batch)
        else:
            runs.append([batch])
            count, size = batch.count, len(batch.text) + 1
    return [run[0] if len(run) == 1 else _merged(run) for run in runs]


def _merged(run: Sequence[Batch]) -> Batch:
    type_counts: TypeCounts = {}
    for batch in run:
        add_counts(type_counts, batch.type_counts)
    return Batch(
        sum(batch.count for batch in run),
        type_counts,
        b"".join([batch.id_hashes for batch in run]),
        b"\n".join([batch.text for batch in run]),
    )
