"""Why an event counts as rejected, as it is stored with it: the first words tell which kind of reason it is. That of a
call which is too large begins with `exporter.destinations.segment.drops.TOO_LARGE`.
"""

from __future__ import annotations

from exporter.destinations.answer import Answer

ANSWERED = "Segment answered "
UNREADABLE = "The stored events "


def answered(answer: Answer) -> str:
    """Of an event that was refused while its neighbours were accepted."""
    said = answer.body[:300].decode(errors="replace").replace("\0", "").strip()
    return f"{ANSWERED}{answer.status} to this event alone: {said or 'without a reason'}"


def unreadable(first: int, end: int, why: str) -> str:
    """Of the events from number `first` to before `end`, whose batch cannot be read."""
    return f"{UNREADABLE}{first} to {end - 1} {why}."
