"""Normalise: turns one event in either of Braze's forms into a line in the flat form, or refuses it. Pure.

Bodies are cut into events by :mod:`exporter.intake.body_forms`; its names are offered here too, because whoever
takes events in needs both.
"""

import json
import math
import re
from hashlib import blake2b
from typing import Any, NoReturn

import msgspec

from connectors.catalogue.catalogue import CATALOGUE
from exporter.intake.body_forms import BadBody, TooManyEvents, parse_body
from exporter.log import own_id
from exporter.log.events import Incoming

__all__ = ["BadBody", "EventRefused", "Incoming", "TooManyEvents", "normalise", "parse_body"]

MOST_BYTES = 900_000
LONGEST_TYPE = 200
# Segment's limit for messageId.
LONGEST_ID = 99
# UNIX seconds reach it in the year 5138; what is larger counts in smaller units.
TIME_LIMIT = 10**11
_UNITS = (("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9))
# Far below what any parser of the stored line can take, however deep in a program it is called.
DEEPEST = 64


class EventRefused(Exception):
    """An event cannot be accepted; ``reason`` says what to do, ``id`` is its id if it has one."""

    def __init__(self, reason: str, event_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.id = event_id


# An event as received: its bytes, or what a file's reader made of it.
RawEvent = bytes | dict[str, Any]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_new = tuple.__new__
_CANONICAL = {name: event.event_type for name, event in CATALOGUE.by_name.items()}
# In Currents files these carry their custom properties as JSON text, in a field of that name.
_TEXT_PROPERTIES = {event.event_type for event in CATALOGUE.events if "properties" in event.storage}
_NESTED = frozenset({dict, list})
_NESTING = frozenset((dict, list))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def normalise(raw: bytes) -> Incoming:
    """Checks one event and brings it into the flat form. Raises EventRefused, and nothing else whatever the bytes."""
    return _normalised(_read(raw))


def normalise_parsed(event: dict[str, Any]) -> Incoming:
    """Does the same for an event that was parsed from at most `MOST_BYTES`. Raises EventRefused, also for one that only
    may be too deep."""
    flat = _flat(event)
    if not _NESTING.isdisjoint(map(type, flat.values())) and _depth(flat) >= DEEPEST:
        _refuse_depth()
    return _incoming(flat)


def normalise_record(event: dict[str, Any]) -> Incoming:
    """Does the same for an event from a file's reader. Raises EventRefused."""
    if not _NESTED.isdisjoint(map(type, event.values())) and _depth(event) > DEEPEST:
        _refuse_depth()
    incoming = _normalised(event)
    if len(incoming.line) > MOST_BYTES:
        _refuse_size(len(incoming.line))
    return incoming


def _normalised(event: dict[str, Any]) -> Incoming:
    return _incoming(_flat(event))


def _flat(event: dict[str, Any]) -> dict[str, Any]:
    """The flat form: event_type, id and time first, checked."""
    event_type = event.get("event_type")
    canonical = _CANONICAL.get(event_type) if type(event_type) is str else None
    event_id = event.get("id")
    time = event.get("time")
    if type(event_id) is not str or not 0 < len(event_id) <= LONGEST_ID:
        _refuse_id(event_id)
    if canonical is None:
        canonical = _unknown_type(event_type, event_id)
    if (type(time) is not int and type(time) is not float) or not 0 < time < TIME_LIMIT:
        _refuse_time(time, event_id)
    flat: dict[str, Any] = {"event_type": canonical, "id": event_id, "time": time}
    # In Currents' files the properties of a custom event are one field among others, a text.
    if "user" in event or type(event.get("properties", "")) is not str:
        _flatten(event, flat, event_id)
        flat["id"] = event_id
        flat["time"] = time
    else:
        flat.update(event)
    flat["event_type"] = canonical
    flat.pop(own_id.FIELD, None)
    return flat


def _incoming(flat: dict[str, Any]) -> Incoming:
    event_id, external = flat["id"], flat.get("external_user_id")
    # Not by the class's own constructor, which costs half as much as the hash.
    return _new(
        Incoming,
        (
            _encode(flat),
            event_id,
            blake2b(event_id.encode(), digest_size=8).digest(),
            flat["event_type"],
            external is None or external == "",
        ),
    )


def read_json(raw: bytes) -> object:
    """What the bytes hold, mended where that is harmless. Raises EventRefused."""
    try:
        return _decode(raw)
    except RecursionError:
        _refuse_depth()
    except ValueError:
        return _read_leniently(raw)


def _read(raw: bytes) -> dict[str, Any]:
    if len(raw) > MOST_BYTES:
        _refuse_size(len(raw))
    event = read_json(raw)
    if type(event) is not dict:
        raise EventRefused("An event must be a JSON object with event_type, id and time.")
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _depth(event) > DEEPEST:
        _refuse_depth()
    return event


def _read_leniently(raw: bytes) -> object:
    """Handles what a strict parser rejects: repaired if that is harmless, otherwise refused with the reason.

    Half a surrogate pair (an emoji cut in two) becomes U+FFFD, so that every stored line is strict JSON.
    """
    try:
        event = json.loads(raw.decode(), parse_constant=_refuse_number, parse_float=_finite)
        text = json.dumps(event, ensure_ascii=False, allow_nan=False)
        return _decode(_SURROGATE.sub("\ufffd", text).encode())
    except UnicodeDecodeError:
        raise EventRefused("The event is not valid UTF-8. Send it encoded as UTF-8.") from None
    except json.JSONDecodeError as fault:
        raise EventRefused(
            f"The event is not JSON: {fault.msg} at character {fault.pos}. Correct it and send it again."
        ) from None
    except RecursionError:
        _refuse_depth()
    except ValueError:
        _refuse_number("A number of thousands of digits")


def _refuse_size(size: int) -> NoReturn:
    raise EventRefused(f"The event has {size} bytes; {MOST_BYTES} are allowed. Leave out its largest fields.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        _refuse_number(text[:20])
    return number


def _refuse_number(text: str) -> NoReturn:
    raise EventRefused(f"{text} is not a number that JSON can carry. Send null or leave the field out.")


def _refuse_depth() -> NoReturn:
    raise EventRefused(
        f"The event is nested too deeply; {DEEPEST} levels are allowed. Send its inner parts as text."
    )


def _depth(event: object) -> int:
    depth = 0
    level = [event]
    while level:
        depth += 1
        inside: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inside.extend(value.values())
            elif isinstance(value, list):
                inside.extend(value)
        level = [value for value in inside if isinstance(value, (dict, list))]
    return depth


def _refuse_id(event_id: object) -> NoReturn:
    if event_id is None:
        raise EventRefused("id is missing. Every event needs one of its own.")
    if not isinstance(event_id, str):
        raise EventRefused("id must be text. Put it in quotation marks.")
    if not event_id:
        raise EventRefused("id is empty. Every event needs one of its own.", event_id)
    raise EventRefused(
        f"id has {len(event_id)} characters; {LONGEST_ID} are allowed. Send a shorter one.",
        event_id[:LONGEST_ID],
    )


def _unknown_type(event_type: object, event_id: str) -> str:
    """The name of a type the catalogue does not know, if it is fit to be stored and shown. Raises EventRefused."""
    if event_type is None:
        raise EventRefused("event_type is missing. Send, for instance, users.messages.email.Open.", event_id)
    if not isinstance(event_type, str):
        raise EventRefused(
            "event_type must be text. Send, for instance, users.messages.email.Open.", event_id
        )
    if not 0 < len(event_type) <= LONGEST_TYPE:
        raise EventRefused(
            f"event_type has {len(event_type)} characters; 1 to {LONGEST_TYPE} are allowed.", event_id
        )
    if _CONTROL.search(event_type):
        raise EventRefused(
            "event_type contains a control character, such as a line break. Send the name alone.", event_id
        )
    return event_type


def _refuse_time(time: object, event_id: str) -> NoReturn:
    if time is None:
        raise EventRefused("time is missing. Send it as UNIX seconds.", event_id)
    if isinstance(time, bool) or not isinstance(time, (int, float)):
        raise EventRefused(
            "time must be a number. Send it as UNIX seconds, without quotation marks.", event_id
        )
    if isinstance(time, float) and not math.isfinite(time):
        what = "NaN, which is not a number" if math.isnan(time) else "infinite"
        raise EventRefused(f"time is {what}. Send it as UNIX seconds.", event_id)
    if time <= 0:
        raise EventRefused("time must be greater than 0. Send it as UNIX seconds.", event_id)
    for unit, divisor in _UNITS:
        if time < TIME_LIMIT * divisor:
            raise EventRefused(
                f"time looks like {unit}: divide it by {divisor} and send UNIX seconds.", event_id
            )
    raise EventRefused("time is far too large to be UNIX seconds. Send it as UNIX seconds.", event_id)


def _flatten(event: dict[str, Any], flat: dict[str, Any], event_id: str) -> None:
    """Fills ``flat`` from the Custom HTTP form: user before properties before other fields. Raises EventRefused.

    A null in user does not hide a property of the same name: it carries no information.
    """
    user, properties = event.get("user"), event.get("properties")
    flat.update(event)
    flat.pop("user", None)
    flat.pop("properties", None)
    if type(properties) is str and flat["event_type"] in _TEXT_PROPERTIES:
        flat["properties"] = properties
    elif properties is not None:
        if type(properties) is not dict:
            raise EventRefused(
                "properties must be an object. Send its fields as {...}, or leave it out.", event_id
            )
        flat.update(properties)
    if user is not None:
        if type(user) is not dict:
            raise EventRefused("user must be an object. Send its fields as {...}, or leave it out.", event_id)
        if None in user.values():
            user = {name: value for name, value in user.items() if value is not None}
        flat.update(user)
