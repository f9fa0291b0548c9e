"""Stored events that cannot be read: a batch that is damaged, or missing where its numbers are."""

from __future__ import annotations

from exporter.log import unpacking
from exporter.log.event_log import Header


class Damaged(Exception):
    """Events `first` to `end` (exclusive) of a workspace cannot be read; the text says so in a sentence.

    Nothing beyond them is delivered until the log is restored or `skip_damaged` passes them.
    """

    def __init__(self, workspace_id: int, first: int, end: int, why: str) -> None:
        super().__init__(f"Workspace {workspace_id}: events {first} to {end - 1} {why}.")
        self.first = first
        self.end = end
        self.why = why


def read(workspace_id: int, header: Header, payload: bytes | None) -> list[bytes]:
    """A batch's events, as many as it says it has.

    Raises:
        Damaged: they are not all there.
    """
    first, end = header.first_event, header.end_event
    if payload is None:
        raise Damaged(workspace_id, first, end, "are no longer in the log")
    try:
        lines = unpacking.lines(payload)
    except unpacking.BatchUnreadable:
        raise Damaged(workspace_id, first, end, "cannot be decompressed") from None
    if len(lines) != end - first:
        raise Damaged(workspace_id, first, end, f"are {len(lines)} in their batch, not {end - first}")
    return lines


def check_counts(workspace_id: int, header: Header) -> None:
    """Call before a batch is counted instead of read.

    Raises:
        Damaged: its counts by type are not of all its events.
    """
    counted = sum(count for count, _anonymous in header.type_counts.values())
    if counted != header.end_event - header.first_event:
        why = f"are counted as {counted} in their batch"
        raise Damaged(workspace_id, header.first_event, header.end_event, why)
