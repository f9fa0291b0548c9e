"""Texts from outside, made fit to be stored and shown."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as PostgreSQL and UTF-8 can hold it: U+FFFD for U+0000 and for halves of surrogate pairs."""
    return _UNSTORABLE.sub("\ufffd", text)
