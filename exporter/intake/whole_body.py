"""Whole bodies: `{"events": [...]}` with nothing odd in it is parsed at once, which costs half as much as cutting it
into events and parsing each. Whatever is odd is left to :mod:`exporter.intake.body_forms`, which judges event by event.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from exporter.intake.body_forms import MOST_EVENTS
from exporter.intake.normalise import MOST_BYTES, EventRefused, normalise_parsed
from exporter.log.events import Incoming


class _Envelope(msgspec.Struct):
    # Parsed one by one, so that each is forgotten while it is still in the processor's cache.
    events: list[msgspec.Raw]
    # What says its type is perhaps an event, with events of its own.
    event_type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_event = msgspec.json.Decoder(dict[str, Any]).decode
# Between a list and another field: without it nothing can follow the first "events" of an envelope.
_ANOTHER_FIELD = re.compile(rb'\]\s*,\s*"')


def read(body: bytes) -> list[msgspec.Raw] | None:
    """The events of a body, or None where it is not plain: of another form, not strict JSON, larger than one event may
    be, or perhaps with a second "events", of which a parser sees only the last."""
    if len(body) > MOST_BYTES:
        return None
    try:
        envelope = _decode(body)
    except (ValueError, RecursionError):
        return None
    events = envelope.events
    if envelope.event_type is not msgspec.UNSET or len(events) > MOST_EVENTS:
        return None
    # From the first end of a list on: in most bodies that is the last but one byte.
    another = _ANOTHER_FIELD.search(body, body.find(b"]"))
    if another and (body.count(b'"events"') > 1 or b"\\u00" in body):
        return None
    return events


def normalised(events: list[msgspec.Raw]) -> list[Incoming] | None:
    """What `read` gave; None where an event is odd, or to be refused."""
    try:
        return [normalise_parsed(_decode_event(event)) for event in events]
    except (EventRefused, ValueError, RecursionError):
        return None
