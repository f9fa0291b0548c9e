"""Transform: one stored line becomes one Segment track call, or an outcome that says why not. Pure.

For every event type of the catalogue a typed reader and writer is made once. The reader takes events whose
values have the catalogue's types; any other is read as a dictionary, with the conversions at the end of this
module.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from connectors.catalogue.catalogue import CATALOGUE, EventType, Target, canonical
from exporter.ledger.outcomes import Outcome
from exporter.version import VERSION

# Segment refuses calls over 32 KB.
MOST_BYTES = 32_000

_PREFIX = b'{"event_type":"'
_PYTHON_TYPES: dict[str, Any] = {"string": str, "boolean": bool, "int": int, "array of string": list[str]}
_Part = tuple[type[msgspec.Struct], slice, tuple[None, ...]]
_WHOLE = re.compile(r"-?[0-9]{1,18}")
# Beyond it a float no longer names one whole number.
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Plan:
    """What a connector wants: event types (aliases are understood), and whether also of anonymous users."""

    selected: frozenset[str]
    include_anonymous: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "selected", frozenset(canonical(name) for name in self.selected))


class Judged(NamedTuple):
    """What becomes of an event.

    ``call`` holds the finished call exactly where the outcome is delivered, which here means: to be sent.
    ``reason`` is a sentence exactly where the outcome is rejected.
    """

    event_type: str
    outcome: Outcome
    call: bytes | None
    reason: str


class _Context(msgspec.Struct, omit_defaults=True):
    traits: Any = None
    device: Any = None
    library: Any = None


class _Call(msgspec.Struct, omit_defaults=True, rename="camel", tag_field="type", tag="track"):
    event: str
    message_id: Any
    user_id: Any = None
    anonymous_id: Any = None
    timestamp: Any = None
    properties: Any = None
    context: Any = None


_LIBRARY = msgspec.Raw(msgspec.json.encode({"name": "currents-admin", "version": VERSION}))
_LIBRARY_ALONE = _Context(library=_LIBRARY)

_astuple = msgspec.structs.astuple
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def convert(line: bytes, plan: Plan) -> Judged:
    """Judge one line of the event log for a connector and make its call.

    A line that intake did not write and cannot be read is rejected with the fault as its reason: it must not
    stop the events behind it.
    """
    try:
        converter = _BY_BEGINNING.get(line[: line.find(b'"', len(_PREFIX))])
        if converter is None:
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

    __slots__ = (
        "_device",
        "_has_context",
        "_properties",
        "_read",
        "_segment_event",
        "_targets",
        "_traits",
        "event_type",
    )

    def __init__(self, source: EventType) -> None:
        self.event_type = source.event_type
        self._segment_event = source.segment_event
        self._targets = source.targets
        self._has_context = bool(source.traits or source.device)
        self._read = msgspec.json.Decoder(_reader(source)).decode
        start = 4  # behind id, time and the two of the user
        self._properties = _part(start, source.properties)
        self._traits = _part(start + len(source.properties), source.traits)
        self._device = _part(start + len(source.properties) + len(source.traits), source.device)

    def call(self, line: bytes, include_anonymous: bool) -> bytes | None:
        """The finished call, or None where it is an anonymous user's and these are not wanted."""
        try:
            values = _astuple(self._read(line))
        except msgspec.ValidationError:
            values = self._converted(_decode(line))
        event_id, time, external, user = values[:4]
        if external is None or external == "":
            if not include_anonymous:
                return None
            external = None
        context = _LIBRARY_ALONE
        if self._has_context:
            context = _Context(_filled(self._traits, values), _filled(self._device, values), _LIBRARY)
        writer, place, _absent = self._properties
        return _encode(
            _Call(
                self._segment_event,
                event_id,
                external,
                user,
                _timestamp(time),
                writer(*values[place]),
                context,
            )
        )

    def _converted(self, event: dict[str, Any]) -> tuple[Any, ...]:
        """The same values as from the reader, for an event whose types are not all the catalogue's."""
        users = (_as_type(event.get(name), "string") for name in ("external_user_id", "user_id"))
        targets = (_as_type(event.get(target.source), target.type) for target in self._targets)
        return (event["id"], event["time"], *users, *targets)


def _reader(source: EventType) -> type[msgspec.Struct]:
    """A structure that holds what the call of this event type needs, in the order of identity and targets."""
    users = [("external_user_id", str | None, None), ("user_id", str | None, None)]
    targets = [(target.source, _PYTHON_TYPES[target.type] | None, None) for target in source.targets]
    return msgspec.defstruct("Reader", [("id", str), ("time", int | float), *users, *targets], gc=False)


def _part(start: int, targets: tuple[Target, ...]) -> _Part:
    """The writer for one object of the call, where its values stand among those of the reader, and what these
    are where the object would be empty."""
    fields = [(target.name, Any, None) for target in targets]
    writer = msgspec.defstruct("Writer", fields, omit_defaults=True)
    return writer, slice(start, start + len(targets)), (None,) * len(targets)


def _filled(part: _Part, values: tuple[Any, ...]) -> msgspec.Struct | None:
    """The object with its values, None where it would be empty."""
    writer, place, absent = part
    own = values[place]
    return None if own == absent else writer(*own)


# Neighbours in the log share their seconds: remembering saves a twentieth of a conversion.
@lru_cache(maxsize=4096)
def _timestamp(time: float) -> str:
    """UNIX seconds as ISO 8601 in UTC: to the second if whole, else to the millisecond."""
    if time == int(time):
        return f"{datetime.fromtimestamp(int(time), UTC):%Y-%m-%dT%H:%M:%S}Z"
    seconds, milliseconds = divmod(round(time * 1000), 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def _as_type(value: Any, wanted: str) -> Any:
    """A value in the catalogue's JSON type; where that is impossible, as it came."""
    if value is None:
        return None
    if wanted == "array of string":
        return [_as_type(item, "string") for item in value] if isinstance(value, list) else value
    return _AS_SCALAR[wanted](value)


def _as_string(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else value


def _as_int(value: Any) -> Any:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _as_boolean(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return bool(value) if value in (0, 1) else value


_AS_SCALAR: dict[str, Callable[[Any], Any]] = {"string": _as_string, "int": _as_int, "boolean": _as_boolean}

_BY_TYPE = {event.event_type: _Converter(event) for event in CATALOGUE.events}
_CONVERTERS = {name: _BY_TYPE[event.event_type] for name, event in CATALOGUE.by_name.items()}
# By how a line of theirs begins, without the quotation mark that ends the name.
_BY_BEGINNING = {_PREFIX + name.encode(): converter for name, converter in _CONVERTERS.items()}
