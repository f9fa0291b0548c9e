"""Avro's JSON encoding, as `avro-tools tojson` writes it: a value of a union stands in an object that names its type,
`{"campaign_name": {"string": "Spring"}}`."""

from __future__ import annotations

import re
from typing import Any

_FITTING: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bytes": (str,),
    "int": (int,),
    "long": (int,),
    "float": (int, float, str),
    "double": (int, float, str),
    "boolean": (bool,),
    "array": (list,),
    "map": (dict,),
}
_WRAPPED = re.compile(rb':\s*\{\s*"(?:string|bytes|int|long|float|double|boolean|array|map)"\s*:')


def may_be(raw: bytes) -> bool:
    """Whether an event looks like this encoding, at a glance."""
    return _WRAPPED.search(raw) is not None


def unwrapped(event: dict[str, Any]) -> dict[str, Any]:
    """The event without the names of types around its values."""
    return {name: _value(value) for name, value in event.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        # Other types are named in full, with their namespaces.
        if isinstance(inner, _FITTING.get(name, ())) or ("." in name and isinstance(inner, (dict, str))):
            if name == "map" and isinstance(inner, dict):
                return {key: _value(one) for key, one in inner.items()}
            return unwrapped(inner) if isinstance(inner, dict) else _value(inner)
    return {key: _value(one) for key, one in value.items()}
