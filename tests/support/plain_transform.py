"""A second, plain implementation of the Segment call, which shares nothing with the fast one."""

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

EVENTS = json.loads((Path(__file__).parents[2] / "connectors" / "catalogue" / "catalogue.json").read_text())[
    "events"
]


def plain_call(event: dict[str, Any], version: str) -> dict[str, Any] | None:
    """The Segment call of a flat event of a catalogue type, as if it were wanted in any case; None where Segment
    would drop it for its ids."""
    ids = [to_text(event.get(name)) for name in ("external_user_id", "user_id")]
    if not any(ids) or any(value is not None and not isinstance(value, str) for value in ids):
        return None
    entry = next(e for e in EVENTS if event["event_type"] in [e["event_type"], *e["aliases"]])
    name = entry["segment_event"] or to_text(event[entry["segment_event_from"]])
    call: dict[str, Any] = {
        "type": "track",
        "event": name,
        "messageId": event.get("currents_own_id", event["id"]),
    }
    user = to_text(event.get("external_user_id"))
    if user is not None and user != "":
        call["userId"] = user
    anonymous = to_text(event.get("user_id"))
    if anonymous is not None:
        call["anonymousId"] = anonymous
    call["timestamp"] = to_timestamp(event["time"])
    call["properties"] = pick(entry["segment_properties"], event)
    call["context"] = {"library": {"name": "currents-admin", "version": version}}
    for part in ("traits", "device"):
        found = pick(entry[f"segment_{part}"], event)
        if found:
            call["context"][part] = found
    return call


def pick(targets: dict[str, dict[str, str]], event: dict[str, Any]) -> dict[str, Any]:
    picked = {}
    for name, target in targets.items():
        value = convert(event.get(target["from"]), target["type"])
        if value is None and "or" in target:
            value = convert(event.get(target["or"]), target["type"])
        if value is not None:
            picked[name] = value
    return picked


def convert(value: Any, wanted: str) -> Any:
    if value is None:
        return None
    match wanted:
        case "any":
            return value
        case "number":
            return to_number(value)
        case "object":
            return to_object(value)
        case "string":
            return to_text(value)
        case "array of string":
            return [to_text(item) for item in value] if isinstance(value, list) else value
        case "int":
            return to_int(value)
        case "boolean":
            return to_boolean(value)
    raise AssertionError(f"the catalogue has a type this test does not know: {wanted}")


def to_text(value: Any) -> Any:
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return json.dumps(value)
    return value


def to_int(value: Any) -> Any:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else value
    if isinstance(value, float) and -(2**53) <= value <= 2**53 and value == int(value):
        return int(value)
    return value


def to_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    whole, point, decimals = value.partition(".")
    if not point:
        return to_int(value)
    digits = whole.removeprefix("-")
    if digits.isascii() and digits.isdigit() and decimals.isascii() and decimals.isdigit():
        return float(value) if len(digits) <= 18 and len(decimals) <= 18 else value
    return value


def to_object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value, parse_constant=lambda name: [name])
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict) else value


def to_boolean(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower() == "true" if value.lower() in ("true", "false") else value
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    return value


def to_timestamp(time: float) -> str:
    exact = Decimal(repr(time))
    if exact == exact.to_integral_value():
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(exact)))
            .isoformat()
            .replace("+00:00", "Z")
        )
    rounded = exact.quantize(Decimal("0.001"), ROUND_HALF_EVEN)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(rounded * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
