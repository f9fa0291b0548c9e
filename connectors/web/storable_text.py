"""Texts from outside, made fit to be stored and shown."""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as PostgreSQL and UTF-8 can hold it: U+FFFD for U+0000 and for halves of surrogate pairs."""
    return _UNSTORABLE.sub("\ufffd", text)


def printable(text: str) -> str:
    """The text as part of one line, with U+FFFD for signs that would end or steer it."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def storable_value(value: Any) -> Any:
    """A value as JSON has it, with all its texts so. Raises RecursionError where it is nested beyond measure."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_value(one) for one in value]
    if isinstance(value, dict):
        return {storable(str(name)): storable_value(one) for name, one in value.items()}
    return value
