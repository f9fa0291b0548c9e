"""Conversions: a value of another type than the catalogue's is converted to that type, or left as it is. Pure."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}\.[0-9]{1,18}")
# Beyond this, a float no longer stands for exactly one whole number.
_EXACT = 2**53

_decode = msgspec.json.Decoder().decode


def as_type(value: Any, wanted: str) -> Any:
    """The value in the catalogue's JSON type; if that is impossible, unchanged."""
    if value is None or wanted == "any":
        return value
    if wanted == "array of string":
        return [as_type(item, "string") for item in value] if isinstance(value, list) else value
    return _CONVERSIONS[wanted](value)


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


def _as_number(value: Any) -> Any:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value)
    return _as_int(value) if isinstance(value, str) else value


def _as_object(value: Any) -> Any:
    """Currents files carry objects as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        found = _decode(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict) else value


def _as_boolean(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return bool(value) if value in (0, 1) else value


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "string": _as_string,
    "int": _as_int,
    "number": _as_number,
    "boolean": _as_boolean,
    "object": _as_object,
}
