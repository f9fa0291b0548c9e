"""Avro's values as JSON has them.

Records are read without Avro's logical types, because one date beyond the year 9999 would end the reading; the few that
mean something here are converted afterwards, wherever in an event they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

Convert = Callable[[Any], Any]

# Ticks of a second.
_TIMES = {
    f"{kind}-{unit}": ticks
    for kind in ("timestamp", "local-timestamp")
    for unit, ticks in (("millis", 10**3), ("micros", 10**6), ("nanos", 10**9))
}
# Far above any precision in use; what a decimal's digits can be moved by is limited.
_MOST_SCALE = 1_000
# Bytes of a decimal, far beyond what a number holds. Longer ones would cost the square of their length.
_LONGEST_DECIMAL = 256
_UUID_BYTES = 16
# All that reading needs. Defaults need not fit their fields, and fastavro has words of its own for what was parsed.
_KEPT = frozenset({"type", "name", "namespace", "fields", "items", "values", "symbols", "size", "scale"})
_LOGICAL = "logical"


def plain_schema(schema: Any) -> Any:
    """The schema without logical types, whose names stay under a word fastavro does not know."""
    if isinstance(schema, list):
        return [plain_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        name: value if name == "symbols" else plain_schema(value)
        for name, value in schema.items()
        if name in _KEPT
    }
    if isinstance(schema.get("logicalType"), str):
        plain[_LOGICAL] = schema["logicalType"]
    return plain


def converters(record: dict[str, Any]) -> list[tuple[str, Convert]]:
    """For the fields of a record that need one, what makes JSON's value of Avro's; the record is what
    `fastavro.parse_schema` made of a plain schema, and none within itself."""
    return _Compiler().of_fields(record, times=True)


class _Compiler:
    """Remembers the types that have names, since they are spelled out once."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Any, Convert | None]] = {}

    def of_fields(self, record: dict[str, Any], *, times: bool = False) -> list[tuple[str, Convert]]:
        found = []
        for field in record["fields"]:
            ticks = _ticks(field["type"]) if times and field["name"] == "time" else 0
            convert = _seconds(ticks) if ticks else self._of(field["type"])[1]
            if convert is not None:
                found.append((str(field["name"]), convert))
        return found

    def _of(self, schema: Any) -> tuple[Any, Convert | None]:
        """The type as it is spelled out, and what converts its values."""
        if isinstance(schema, list):
            return schema, _of_branches([self._of(one) for one in schema])
        if isinstance(schema, str):
            return self._named.get(schema) or (schema, _text if schema == "bytes" else None)
        found = schema, self._of_kind(schema)
        if "name" in schema:
            self._named[schema["name"]] = found
        return found

    def _of_kind(self, schema: dict[str, Any]) -> Convert | None:
        match schema["type"]:
            case "record" | "error":
                return _of_record(self.of_fields(schema))
            case "array":
                return _of_items(self._of(schema["items"])[1])
            case "map":
                return _of_values(self._of(schema["values"])[1])
            case "bytes":
                return _decimal_of(schema) or _text
            case "fixed":
                is_uuid = schema.get(_LOGICAL) == "uuid" and schema["size"] == _UUID_BYTES
                return _decimal_of(schema) or (_uuid if is_uuid else _text_or_digits)
            case kind:
                return self._of(kind)[1] if isinstance(kind, (dict, list)) else None


def _of_record(fields: list[tuple[str, Convert]]) -> Convert | None:
    def convert(value: dict[str, Any]) -> dict[str, Any]:
        return value | {name: one(value[name]) for name, one in fields if name in value}

    return convert if fields else None


def _of_items(inner: Convert | None) -> Convert | None:
    return (lambda value: [inner(one) for one in value]) if inner else None


def _of_values(inner: Convert | None) -> Convert | None:
    return (lambda value: {name: inner(one) for name, one in value.items()}) if inner else None


def _of_branches(branches: list[tuple[Any, Convert | None]]) -> Convert | None:
    """Of the branches of a union the first that a value can be of."""

    def convert(value: Any) -> Any:
        for schema, one in branches:
            if _can_be(schema, value):
                return one(value) if one else value
        return value

    return convert if any(one for _, one in branches) else None


def _can_be(schema: Any, value: Any) -> bool:
    kind = schema.get("type") if isinstance(schema, dict) else schema
    match value:
        case bytes():
            return kind == "bytes" or (kind == "fixed" and schema["size"] == len(value))
        case list():
            return kind == "array"
        case dict():
            if kind == "map":
                return True
            return kind in ("record", "error") and {one["name"] for one in schema["fields"]} == set(value)
    return False


def _ticks(schema: Any) -> int:
    """Of a second, where the values are moments; 0 where they are not."""
    for one in schema if isinstance(schema, list) else [schema]:
        if isinstance(one, dict) and (ticks := _TIMES.get(one.get(_LOGICAL, ""))):
            return ticks
    return 0


def _seconds(ticks: int) -> Convert:
    return lambda value: value / ticks if isinstance(value, int) else value


def _decimal_of(schema: dict[str, Any]) -> Convert | None:
    """Of a logical type that is not sound the specification has the plain one read."""
    scale = schema.get("scale", 0)
    if schema.get(_LOGICAL) != "decimal" or type(scale) is not int or not 0 <= scale <= _MOST_SCALE:
        return None
    return _decimal(scale)


def _decimal(scale: int) -> Convert:
    def number(value: bytes) -> float | None:
        if len(value) > _LONGEST_DECIMAL:
            return None
        try:
            return float(Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale))
        except ArithmeticError:
            # Of more digits than a number has; without a value the event itself can be kept.
            return None

    return number


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _text_or_digits(value: bytes) -> str:
    """Of as many bytes as its type says: a code in letters, or a digest, which has no letters."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _uuid(value: bytes) -> str:
    return str(UUID(bytes=value))
