"""Masking: events as people see them, with personal data hidden from those who may not see it.

The catalogue says which fields are personal. In an event type it does not know, every field that is personal in any
type is hidden, and so is every field it does not know.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from connectors.catalogue.catalogue import CATALOGUE
from connectors.web.storable_text import storable, storable_value

# Escapes of what no UTF-8 and no column can hold.
_ODD = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
HIDDEN = "•••"
_PERSONAL = frozenset(field for event in CATALOGUE.events for field in event.pii)
_KNOWN = frozenset(
    {"event_type"} | {name for event in CATALOGUE.events for name in (*event.storage, *event.also)}
)
# The containers of the Custom HTTP form; the fields in them are judged one by one.
_OWN_WORDS, _SHORT = {"success", "message", "error", "code", "status"}, 200
_CONTAINERS = ("user", "properties")


def shown(raw: bytes, *, personal: bool) -> dict[str, Any]:
    """The event for a person who may (`personal`) or may not see personal data.

    Anything but a JSON object becomes a single entry, `raw`: its text, or the mask.
    """
    event = _read(raw)
    if event is None:
        return {"raw": storable(raw.decode("utf-8", "replace")) if personal else HIDDEN}
    return event if personal else masked(event)


def _read(raw: bytes) -> dict[str, Any] | None:
    """The event with texts that every page and file can hold; None for what is no JSON object."""
    try:
        # Decoded here: `json` itself lets half an emoji through, which no page can be written with.
        event = json.loads(raw.decode("utf-8", "replace"), parse_constant=_finite, parse_float=_finite)
        if isinstance(event, dict) and _ODD.search(raw):
            event = storable_value(event)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _finite(text: str) -> float:
    """Raises ValueError for a number that no JSON can carry, so that what holds one is shown as it came."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def answer_shown(text: str, *, personal: bool) -> str:
    """What a destination answered. Who may not see personal data is shown a short message in its own words alone:
    anything else may repeat what was sent to it."""
    if personal or not text:
        return text
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    own = isinstance(said, dict) and said.keys() <= _OWN_WORDS and len(text) <= _SHORT
    plain = own and not any(isinstance(value, (dict, list)) for value in said.values())
    return text if plain and HIDDEN not in text else HIDDEN


def call_shown(call: bytes, line: bytes, *, personal: bool) -> dict[str, Any]:
    """A Segment call as a person may see it. Who may not see personal data is shown only what the stored event shows
    them, too, and the names of the call's own parts."""
    made = _read(call) or {}
    if personal:
        return made
    event = _read(line) or {}
    return {name: _call_value(name, value, _leaves(masked(event))) for name, value in made.items()}


# What a call says of itself, whoever it is about.
_OWN_PARTS = frozenset({"type", "event", "messageId", "timestamp"})


def _call_value(name: str, value: Any, visible: frozenset[Any]) -> Any:
    if isinstance(value, dict):
        return {key: _call_value("", each, visible) for key, each in value.items()}
    if isinstance(value, list):
        return [_call_value("", each, visible) for each in value]
    plain = value is None or isinstance(value, bool) or value == "" or name in _OWN_PARTS
    return value if plain or value in visible else HIDDEN


def _leaves(value: Any) -> frozenset[Any]:
    if isinstance(value, dict):
        return frozenset().union(*map(_leaves, value.values()))
    if isinstance(value, list):
        return frozenset().union(*map(_leaves, value))
    return frozenset({value}) - {HIDDEN}


def masked(event: dict[str, Any]) -> dict[str, Any]:
    """A copy with personal values hidden; empty values reveal nothing and stay."""
    event_type = event.get("event_type")
    known = CATALOGUE.by_name.get(event_type) if isinstance(event_type, str) else None
    return {
        name: _masked_container(value, known is not None)
        if name in _CONTAINERS and isinstance(value, dict)
        else _value(name, value, known is not None)
        for name, value in event.items()
    }


def _masked_container(fields: dict[str, Any], known: bool) -> dict[str, Any]:
    return {name: _value(name, value, known) for name, value in fields.items()}


def _value(name: str, value: Any, known: bool) -> Any:
    if value is None or value == "":
        return value
    # A field that no type of the catalogue has may hold anything, so it is always hidden.
    personal = name in _PERSONAL or name not in _KNOWN or (isinstance(value, (dict, list)) and not known)
    return HIDDEN if personal else value
