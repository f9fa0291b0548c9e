"""Checks a write key somebody typed or pasted, as far as its characters alone allow.

Segment answers 200 even to a key that belongs to no source, so mistakes are best noticed here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

USUAL_LENGTH = 32
LEAST, MOST = 8, 200
_INVISIBLE = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_BREAKS = {"\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85"}


@dataclass(slots=True)
class Examined:
    """The key without invisible characters; `error` is why it is refused."""

    value: str
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)


def examine(raw: str) -> Examined:
    """Removes invisible characters and judges the rest; never raises."""
    value = _trimmed(raw)
    seen = Examined("".join(sign for sign in value if unicodedata.category(sign) != "Cf"))
    if seen.value and seen.value != raw:
        seen.corrections.append(_what_went(raw, value, seen.value))
    seen.error = _error(seen.value)
    if not seen.error:
        seen.warnings = _warnings(seen.value)
    return seen


def _trimmed(raw: str) -> str:
    start, end = 0, len(raw)
    while start < end and unicodedata.category(raw[start]) in _INVISIBLE:
        start += 1
    while end > start and unicodedata.category(raw[end - 1]) in _INVISIBLE:
        end -= 1
    return raw[start:end]


def _what_went(raw: str, trimmed: str, value: str) -> str:
    if trimmed != value:
        return _("Invisible characters were removed.")
    before, _middle, after = raw.partition(trimmed)
    if not before and after and set(after) <= _BREAKS:
        return _("A line break at the end was removed.")
    return _("Spaces or invisible characters around the key were removed.")


def _error(value: str) -> str:
    if not value:
        return _("Enter the write key of the Segment source.")
    if any(unicodedata.category(sign) in _INVISIBLE for sign in value):
        return _("There is a space or a line break inside the key. Copy it again, in one piece.")
    if not value.isascii() or ":" in value:
        return _("A write key does not contain these characters: %(signs)s. Copy it again from Segment.") % {
            "signs": " ".join(sorted({sign for sign in value if not sign.isascii() or sign == ":"}))
        }
    if len(value) < LEAST:
        return _("That is too short for a write key. Copy the whole key from Segment.")
    if len(value) > MOST:
        return _("That is too long for a write key (%(n)s characters). Copy only the key.") % {
            "n": len(value)
        }
    return ""


def _warnings(value: str) -> list[str]:
    found = []
    if len(value) != USUAL_LENGTH:
        found.append(
            _(
                "%(n)s characters; Segment’s keys usually have 32. Compare the end with the key in Segment, "
                "or keep it if you are sure."
            )
            % {"n": len(value)}
        )
    if not value.isalnum():
        found.append(
            _(
                "Segment’s keys are usually letters and digits only. Compare it with the key in Segment, "
                "or keep it if you are sure."
            )
        )
    return found
