"""Avro's values as JSON has them.

Records are read without Avro's logical types, because one date beyond the year 9999 would end the reading; the few that
mean something here are converted afterwards, field by field.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

# Ticks of a second.
_TIMES = {
    f"{kind}-{unit}": ticks
    for kind in ("timestamp", "local-timestamp")
    for unit, ticks in (("millis", 10**3), ("micros", 10**6), ("nanos", 10**9))
}


def plain_schema(schema: Any) -> Any:
    """The schema without logical types.

    Raises:
        ValueError: an array's items take no bytes, so a few bytes could stand for billions of them.
    """
    if isinstance(schema, list):
        return [plain_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "array" and schema.get("items") in ("null", ["null"]):
        raise ValueError("an array of nothing")
    return {
        name: value if name in ("default", "symbols", "aliases") else plain_schema(value)
        for name, value in schema.items()
        if name != "logicalType"
    }


def converters(schema: Any) -> list[tuple[str, Callable[[Any], Any]]]:
    """For the fields of a record that need one, what makes JSON's value of Avro's."""
    found = []
    for field in schema.get("fields", ()):
        converted = _converter(str(field.get("name")), field.get("type"))
        if converted is not None:
            found.append((str(field["name"]), converted))
    return found


def _converter(name: str, schema: Any) -> Callable[[Any], Any] | None:
    for one in schema if isinstance(schema, list) else [schema]:
        kind = one.get("type") if isinstance(one, dict) else one
        logical = one.get("logicalType") if isinstance(one, dict) else None
        if name == "time" and logical in _TIMES:
            return _seconds(_TIMES[logical])
        if logical == "decimal":
            return _decimal(one.get("scale", 0))
        if kind in ("bytes", "fixed"):
            return _text
    return None


def _seconds(ticks: int) -> Callable[[Any], Any]:
    return lambda value: value / ticks if isinstance(value, int) else value


def _decimal(scale: int) -> Callable[[Any], Any]:
    def number(value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        return float(Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale))

    return number


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
