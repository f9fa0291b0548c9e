"""Transform: turns a stored line into a Segment track call, or into an outcome that says why not. Pure.

For every event type of the catalogue, a typed reader and writer is made once. The reader takes events whose
values have the catalogue's types; others are read as dictionaries, with the conversions of
:mod:`exporter.destinations.segment.conversions`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from connectors.catalogue.catalogue import CATALOGUE, canonical
from connectors.catalogue.event_type import EventType, Target
from exporter.destinations.segment.conversions import as_type
from exporter.destinations.segment.drops import MOST_BYTES, Undeliverable, judge_ids, too_long
from exporter.ledger.outcomes import Outcome
from exporter.log import own_id
from exporter.version import VERSION

_PREFIX = b'{"event_type":"'
_PYTHON_TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "int": int,
    "number": int | float,
    "object": dict[str, Any],
    "array of string": list[str],
    "any": Any,
}
_Part = tuple[type[msgspec.Struct], slice, tuple[None, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a connector exports: event types (aliases are accepted), and whether also those of anonymous users."""

    selected: frozenset[str]
    include_anonymous: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "selected", frozenset(canonical(name) for name in self.selected))


class Judged(NamedTuple):
    """What is to become of an event.

    ``call`` holds the finished call if and only if the outcome is delivered, which here means: to be sent.
    ``reason`` is a sentence if and only if the outcome is rejected.
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
    """Judges one line of the event log for a connector and makes its call.

    A line that cannot be read (the intake does not write such) is rejected with the fault as its reason: it must
    not stop the events after it.
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
    except Undeliverable as fault:
        return Judged(event_type, Outcome.REJECTED, None, str(fault))
    except RecursionError:
        return Judged("", Outcome.REJECTED, None, "The event is nested too deeply to be sent.")
    except (ValueError, TypeError, KeyError, OverflowError) as fault:
        return Judged("", Outcome.REJECTED, None, f"The stored event cannot be read: {type(fault).__name__}.")
    if call is None:
        return Judged(event_type, Outcome.ANONYMOUS, None, "")
    if len(call) > MOST_BYTES:
        return Judged(event_type, Outcome.REJECTED, None, too_long(call))
    return Judged(event_type, Outcome.DELIVERED, call, "")


def _event_type(line: bytes) -> str:
    """The event type from the line's fixed beginning, so that events that are not sent need not be decoded."""
    if line.startswith(_PREFIX):
        name = line[len(_PREFIX) : line.index(b'"', len(_PREFIX))]
        if b"\\" not in name:
            return name.decode()
    return str(_decode(line)["event_type"])


class _Converter:
    """Reads lines of one event type and writes their calls."""

    __slots__ = (
        "_alternates",
        "_device",
        "_has_context",
        "_name_from",
        "_name_place",
        "_properties",
        "_read",
        "_segment_event",
        "_sources",
        "_traits",
        "event_type",
    )

    def __init__(self, source: EventType) -> None:
        self.event_type = source.event_type
        self._segment_event = source.segment_event
        self._name_from = source.segment_event_from
        self._has_context = bool(source.traits or source.device)
        self._sources = _sources(source)
        self._read = msgspec.json.Decoder(_reader(self._sources)).decode
        start = 5  # behind id, time, the two of the user and the event's own id
        places = {name: start + place for place, (name, _type) in enumerate(self._sources)}
        self._name_place = places.get(self._name_from, 0)
        self._alternates = tuple(
            (places[target.source], places[target.alternate]) for target in source.targets if target.alternate
        )
        self._properties = _part(start, source.properties)
        self._traits = _part(start + len(source.properties), source.traits)
        self._device = _part(start + len(source.properties) + len(source.traits), source.device)

    def call(self, line: bytes, include_anonymous: bool) -> bytes | None:
        """The finished call; None if the user is anonymous and such events are not exported."""
        try:
            values = _astuple(self._read(line))
        except msgspec.ValidationError:
            values = self._converted(_decode(line))
        if self._alternates:
            values = self._completed(values)
        event_id, time, external, user, own = values[:5]
        if external is None or external == "":
            if not include_anonymous:
                return None
            external = None
        message_id = own or event_id
        if not (external.__class__ is str and user.__class__ is str and user):
            judge_ids(external, user)
        context = _LIBRARY_ALONE
        if self._has_context:
            context = _Context(_filled(self._traits, values), _filled(self._device, values), _LIBRARY)
        writer, place, _absent = self._properties
        return _encode(
            _Call(
                self._segment_event or self._own_name(values),
                message_id,
                external,
                user,
                _timestamp(time),
                writer(*values[place]),
                context,
            )
        )

    def _converted(self, event: dict[str, Any]) -> tuple[Any, ...]:
        """The values the reader would give, for an event whose types are not all the catalogue's."""
        users = (as_type(event.get(name), "string") for name in ("external_user_id", "user_id"))
        values = (as_type(event.get(name), wanted) for name, wanted in self._sources)
        return (event["id"], event["time"], *users, event.get(own_id.FIELD), *values)

    def _completed(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Fills in the value of the alternative field if the usual one has none."""
        completed = list(values)
        for place, alternate in self._alternates:
            if completed[place] is None:
                completed[place] = completed[alternate]
        return tuple(completed)

    def _own_name(self, values: tuple[Any, ...]) -> str:
        name = values[self._name_place]
        if not isinstance(name, str) or not name.strip():
            raise Undeliverable(
                f"The event has no {self._name_from}, which Segment needs as the name of the event."
            )
        return name


def _sources(source: EventType) -> list[tuple[str, str]]:
    """The fields the call is made of, with their types: those of the targets in order, then the alternates."""
    targets = source.targets
    return [(target.source, target.type) for target in targets] + [
        (target.alternate, target.type) for target in targets if target.alternate
    ]


def _reader(sources: list[tuple[str, str]]) -> type[msgspec.Struct]:
    """A structure of what the call of an event type needs, identity first."""
    users = [("external_user_id", str | None, None), ("user_id", str | None, None)]
    users.append((own_id.FIELD, str | None, None))
    fields = [(name, _PYTHON_TYPES[wanted] | None, None) for name, wanted in sources]
    return msgspec.defstruct("Reader", [("id", str), ("time", int | float), *users, *fields], gc=False)


def _part(start: int, targets: tuple[Target, ...]) -> _Part:
    """The writer for one object of the call, where its values stand among those of the reader, and what these
    are where the object would be empty."""
    fields = [(target.name, Any, None) for target in targets]
    writer = msgspec.defstruct("Writer", fields, omit_defaults=True)
    return writer, slice(start, start + len(targets)), (None,) * len(targets)


def _filled(part: _Part, values: tuple[Any, ...]) -> msgspec.Struct | None:
    """The object with its values; None if it would be empty."""
    writer, place, absent = part
    own = values[place]
    return None if own == absent else writer(*own)


# Neighbours in the log often share the second: remembering it saves a twentieth of a conversion.
@lru_cache(maxsize=4096)
def _timestamp(time: float) -> str:
    """UNIX seconds as ISO 8601 in UTC: to the second if whole, else to the millisecond."""
    if time == int(time):
        return f"{datetime.fromtimestamp(int(time), UTC):%Y-%m-%dT%H:%M:%S}Z"
    seconds, milliseconds = divmod(round(time * 1000), 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


_BY_TYPE = {event.event_type: _Converter(event) for event in CATALOGUE.events}
_CONVERTERS = {name: _BY_TYPE[event.event_type] for name, event in CATALOGUE.by_name.items()}
# By how a line of theirs begins, without the quotation mark that ends the name.
_BY_BEGINNING = {_PREFIX + name.encode(): converter for name, converter in _CONVERTERS.items()}
