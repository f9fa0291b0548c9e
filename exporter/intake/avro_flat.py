"""Avro records of plain values, read by hand: more than twice as fast as a general reader, which asks its stream for
every byte.

Most of Currents' files hold nothing else: texts, numbers and truth values, most of them nullable. Whatever is odd about
a record is left to the general reader, so that both say the same of every file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import lru_cache
from textwrap import indent
from typing import Any, NamedTuple


class _Kind(IntEnum):
    TEXT = 0
    WHOLE = 1
    TRUTH = 2
    SINGLE = 3
    DOUBLE = 4


_KINDS = {
    "string": _Kind.TEXT,
    "int": _Kind.WHOLE,
    "long": _Kind.WHOLE,
    "boolean": _Kind.TRUTH,
    "float": _Kind.SINGLE,
    "double": _Kind.DOUBLE,
}
# A record of more is left to the general reader: what reads it would take longer to make than it saves.
_MOST_FIELDS = 500


_Read = Callable[["FlatRecords", bytes, int], Iterator[dict[str, Any]]]


class _Field(NamedTuple):
    """`null` and `value` are the bytes that say which of the two follows; −1 where nothing but a value can."""

    name: str
    kind: int
    null: int
    value: int


class FlatRecords:
    """Reads blocks of records of one schema. `at` is the place of the first record that was not read."""

    def __init__(self, fields: list[_Field]) -> None:
        self._read = _made_for(tuple(fields))
        self.at = 0

    def read(self, data: bytes, count: int) -> Iterator[dict[str, Any]]:
        """Up to `count` records without their nulls; fewer where the next one is odd."""
        return self._read(self, data, count)


# The text of a function for one schema: a record is read without asking what each of its fields holds, which would take
# a third longer. Slices of `text` are texts already, right where they are ASCII.
_RECORDS = """
def read(records, data, count):
    text, end = data.decode("latin-1"), len(data)
    records.at = at = 0
    try:
        for _ in range(count):
            event = {{}}
{fields}
            if at > end:
                return
            records.at = at
            yield event
    except (IndexError, StructError, OverflowError):
        return
"""
_NULLABLE = """
branch = data[at]
at += 1
if branch == {field.value}:
{body}
elif branch != {field.null}:
    return
"""
_SHORT_OR_LONG = """
number = data[at]
at += 1
if number > 127:
    number, at = long(data, at - 1)
"""
_BODIES = {
    _Kind.TEXT: f"""{_SHORT_OR_LONG}
if number & 1:
    return
start = at
at += number >> 1
word = text[start:at]
event[{{field.name!a}}] = word if word.isascii() else data[start:at].decode("utf-8", "replace")
""",
    _Kind.WHOLE: f"""{_SHORT_OR_LONG}
event[{{field.name!a}}] = (number >> 1) ^ -(number & 1)
""",
    _Kind.TRUTH: """
if data[at] > 1:
    return
event[{field.name!a}] = data[at] == 1
at += 1
""",
    _Kind.SINGLE: """
event[{field.name!a}] = single(data, at)[0]
at += 4
""",
    _Kind.DOUBLE: """
event[{field.name!a}] = double(data, at)[0]
at += 8
""",
}


@lru_cache(maxsize=256)
def _made_for(fields: tuple[_Field, ...]) -> _Read:
    """Nothing of a schema gets into the text but numbers and, as literals, the names of its fields."""
    known: dict[str, Any] = {
        "long": _long,
        "single": struct.Struct("<f").unpack_from,
        "double": struct.Struct("<d").unpack_from,
        "StructError": struct.error,
    }
    text = _RECORDS.format(fields=indent("".join(map(_source, fields)), " " * 12))
    exec(text, known)  # noqa: S102 - see above
    made: _Read = known["read"]
    return made


def _source(field: _Field) -> str:
    body = _BODIES[_Kind(field.kind)].format(field=field)
    return _NULLABLE.format(field=field, body=indent(body, "    ")) if field.value >= 0 else body


def of_schema(schema: Any) -> FlatRecords | None:
    """None where a field holds anything but plain values. The schema has no logical types."""
    fields = [_field(one) for one in schema.get("fields", ())]
    found = [one for one in fields if one is not None]
    return FlatRecords(found) if 0 < len(found) == len(fields) <= _MOST_FIELDS else None


def _field(field: Any) -> _Field | None:
    name, kinds = str(field.get("name")), field.get("type")
    branches = kinds if isinstance(kinds, list) else [kinds]
    plain = [one.get("type") if isinstance(one, dict) else one for one in branches]
    if not all(isinstance(one, str) for one in plain):
        return None
    if len(plain) == 1 and not isinstance(kinds, list) and plain[0] in _KINDS:
        return _Field(name, int(_KINDS[plain[0]]), -1, -1)
    if len(plain) == 2 and "null" in plain:
        place = plain.index("null")
        other = plain[1 - place]
        # Which of the two follows is told by its place, as a number doubled.
        return _Field(name, int(_KINDS[other]), 2 * place, 2 - 2 * place) if other in _KINDS else None
    return None


def _long(data: bytes, at: int) -> tuple[int, int]:
    """The number as it is written, with its sign in the last bit, and the place behind it. Raises IndexError, and
    OverflowError where it goes on beyond 64 bits."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            if number >> 64:
                raise OverflowError
            return number, at
        shift += 7
        if shift > 63:
            raise OverflowError
