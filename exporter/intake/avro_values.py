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


# Far above any precision in use; what a decimal's digits can be moved by is limited.
_MOST_SCALE = 1_000


def plain_schema(schema: Any) -> Any:
    """The schema without logical types."""
    if isinstance(schema, list):
        return [plain_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
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
        if name == "time" and isinstance(logical, str) and logical in _TIMES:
            return _seconds(_TIMES[logical])
        # Of a logical type that is not sound the specification has the plain one read.
        if logical == "decimal" and type(scale := one.get("scale", 0)) is int and 0 <= scale <= _MOST_SCALE:
            return _decimal(scale)
        if kind in ("bytes", "fixed"):
            return _text
    return None


def _seconds(ticks: int) -> Callable[[Any], Any]:
    return lambda value: value / ticks if isinstance(value, int) else value


# Bytes of a decimal, far beyond what a number holds. Longer ones would cost the square of their length.
_LONGEST_DECIMAL = 256


def _decimal(scale: int) -> Callable[[Any], Any]:
    def number(value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        if len(value) > _LONGEST_DECIMAL:
            return None
        try:
            return float(Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale))
        except ArithmeticError:
            # Of more digits than a number has; without a value the event itself can be kept.
            return None

    return number


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
