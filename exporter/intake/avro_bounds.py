"""What an Avro schema of events must be and may not be.

Some would have few bytes stand for endless work: fastavro follows a record within itself on the process's own stack,
which ends the process, and counts through values that take no bytes.
"""

from __future__ import annotations

from typing import Any

# The names of types and whether they take bytes; None while a record is being looked through.
_Seen = dict[str, bool | None]


class UnfitSchema(Exception):
    """The text continues “It holds …”."""


def check(parsed: Any) -> None:
    """Looks through a record's schema as `fastavro.parse_schema` returns it.

    Raises:
        UnfitSchema: it holds a record within itself, arrays or records whose values take no bytes, sizes that are
            none, or fields that cannot be told apart.
    """
    _fields_take_bytes(parsed, {})


def _fields_take_bytes(record: dict[str, Any], seen: _Seen) -> bool:
    names = [field["name"] for field in record["fields"]]
    if not all(isinstance(name, str) for name in names):
        raise UnfitSchema("a field whose name is not text")
    if len(set(names)) < len(names):
        raise UnfitSchema("two fields of one name")
    seen[record["name"]] = None
    takes = [_takes_bytes(field["type"], seen) for field in record["fields"]]
    seen[record["name"]] = any(takes)
    return any(takes)


def _takes_bytes(schema: Any, seen: _Seen) -> bool:
    if isinstance(schema, list):
        # Every branch has to be looked at, not only those up to the first that takes bytes.
        branches = [_takes_bytes(one, seen) for one in schema]
        return any(branches)
    if isinstance(schema, str):
        named = seen.get(schema, schema != "null")
        if named is None:
            raise UnfitSchema("a record within itself")
        return named
    match schema["type"]:
        case "record" | "error":
            if not _fields_take_bytes(schema, seen):
                raise UnfitSchema("a record of nothing")
        case "fixed":
            size = schema["size"]
            if type(size) is not int:
                raise UnfitSchema(f"a fixed type, {schema['name']}, whose size is not a whole number")
            if size < 1:
                raise UnfitSchema("a value of no bytes")
        case "array":
            if not _takes_bytes(schema["items"], seen):
                raise UnfitSchema("an array of nothing")
        case "map":
            _takes_bytes(schema["values"], seen)
        case kind:
            return _takes_bytes(kind, seen)
    return True
