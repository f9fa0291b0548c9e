"""Transform: one stored line becomes one Segment track call, or an outcome that says why not. Pure.

For every event type of the catalogue a typed reader and writer is made once. It covers events whose values have the
catalogue's types; any other event goes through plain dictionaries and the conversions at the end of this module.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from connectors.catalogue import CATALOGUE, EventType, Target, canonical
from exporter.outcomes import Outcome
from exporter.version import VERSION

# Segment refuses calls over 32 KB.
MOST_BYTES = 32_000

_PREFIX = b'{"event_type":"'
_IDENTITY = ("id", "time", "external_user_id", "user_id")
_PYTHON_TYPES: dict[str, Any] = {"string": str, "boolean": bool, "int": int, "array of string": list[str]}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a connector wants: event types (aliases are understood) and whether anonymous users' events too."""

    selected: frozenset[str]
    include_anonymous: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "selected", frozenset(canonical(name) for name in self.selected))


class Judged(NamedTuple):
    """What becomes of an event. ``call`` holds the finished call exactly where the outcome is delivered (to be sent);
    ``reason`` is a sentence exactly where it is rejected."""

    event_type: str
    outcome: Outcome
    call: bytes | None
    reason: str


class _Context(msgspec.Struct, omit_defaults=True):
    traits: Any = None
    device: Any = None
    library: Any = None


class _Call(msgspec.Struct, omit_defaults=True, tag_field="type", tag="track"):
    event: str
    messageId: Any
    userId: Any
    anonymousId: Any
    timestamp: Any
    properties: Any
    context: _Context


_LIBRARY = msgspec.Raw(msgspec.json.encode({"name": "currents-admin", "version": VERSION}))
_PLAIN_CONTEXT = _Context(library=_LIBRARY)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def convert(line: bytes, plan: Plan) -> Judged:
    """Judge one line of the event log for a connector and make its call.

    A line that intake did not write and cannot be read is rejected with the fault as its reason: it must not stop
    the events behind it.
    """
    try:
        event_type = _event_type(line)
        converter = _CONVERTERS.get(event_type)
        if converter is None:
            return Judged(event_type, Outcome.UNSUPPORTED, None, "")
        event_type = converter.event_type
        if event_type not in plan.selected:
            return Judged(event_type, Outcome.UNSELECTED, None, "")
        call = converter.call(line, plan.include_anonymous)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as fault:
        return Judged("", Outcome.REJECTED, None, f"The stored event cannot be read: {type(fault).__name__}.")
    if call is None:
        return Judged(event_type, Outcome.ANONYMOUS, None, "")
    if len(call) > MOST_BYTES:
        reason = f"The Segment call has {len(call)} bytes, Segment takes at most {MOST_BYTES}."
        return Judged(event_type, Outcome.REJECTED, None, reason)
    return Judged(event_type, Outcome.DELIVERED, call, "")


def _event_type(line: bytes) -> str:
    """The event type from the line's fixed beginning, so that what is not sent is not decoded either."""
    if line.startswith(_PREFIX):
        name = line[len(_PREFIX) : line.index(b'"', len(_PREFIX))]
        if b"\\" not in name:
            return name.decode()
    return str(_decode(line)["event_type"])


class _Converter:
    """Reads lines of one event type and writes their calls."""

    __slots__ = ("_read", "_segment_event", "_source", "_values", "_writers", "event_type")

    def __init__(self, source: EventType) -> None:
        self.event_type = source.event_type
        self._source = source
        self._segment_event = source.segment_event
        fields: list[tuple[str, Any, Any]] = [(target.source, _PYTHON_TYPES[target.type] | None, None) for target in source.targets]
        identity: list[tuple[str, Any]] = [("id", str), ("time", int | float)]
        users: list[tuple[str, Any, Any]] = [("external_user_id", str | None, None), ("user_id", str | None, None)]
        reader = msgspec.defstruct("Reader", [*identity, *users, *fields], gc=False)
        self._read = msgspec.json.Decoder(reader).decode
        self._values: Callable[[Any], tuple[Any, ...]] = attrgetter(*reader.__struct_fields__)
        self._writers = tuple(_writer(part) for part in (source.properties, source.traits, source.device))

    def call(self, line: bytes, include_anonymous: bool) -> bytes | None:
        """The finished call, or None for an anonymous user's event that is not wanted."""
        try:
            values = self._values(self._read(line))
        except msgspec.ValidationError:
            values = self._mend(_decode(line))
