"""Whole bodies: `{"events": [...]}` with nothing odd in it is parsed at once, which costs half as much as cutting it
into events and parsing each. Whatever is odd is left to :mod:`exporter.intake.body_forms`, which judges event by event.
"""

from __future__ import annotations

from typing import Any

import msgspec

from exporter.intake.body_forms import MOST_EVENTS
from exporter.intake.normalise import MOST_BYTES, EventRefused, normalise_record, normalise_shallow
from exporter.log.events import Incoming


class _Envelope(msgspec.Struct):
    events: list[dict[str, Any]]
    # What says its type is perhaps an event, with events of its own.
    event_type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(_Envelope).decode


class WholeBody:
    """The events of a body as objects, which `normalised` uses up; `shallow` where none has an object or list but its
    user and properties."""

    def __init__(self, events: list[dict[str, Any]], *, shallow: bool) -> None:
        self._events, self._shallow = events, shallow

    def __len__(self) -> int:
        return len(self._events)

    def normalised(self) -> list[Incoming] | None:
        """All of them, or None where one is to be refused."""
        normalise = normalise_shallow if self._shallow else normalise_record
        try:
            return [normalise(event) for event in self._events]
        except EventRefused:
            return None


def read(body: bytes) -> WholeBody | None:
    """The body, or None where it is not plain: of another form, not strict JSON, larger than one event may be."""
    if len(body) > MOST_BYTES:
        return None
    try:
        envelope = _decode(body)
    except (ValueError, RecursionError):
        return None
    events = envelope.events
    if envelope.event_type is not msgspec.UNSET or len(events) > MOST_EVENTS:
        return None
    # A second "events" would go unseen, but its brackets do not.
    brackets = body.count(b"{") + body.count(b"[") - 2 - len(events)
    for event in events:
        brackets -= (type(event.get("user")) is dict) + (type(event.get("properties")) is dict)
    if brackets and (body.count(b'"events"') > 1 or b"\\u00" in body):
        return None
    return WholeBody(events, shallow=not brackets)
