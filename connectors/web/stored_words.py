"""What is stored in English, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext


def told(text: str) -> str:
    """An empty text stays empty: in a catalogue it has a meaning of its own."""
    return gettext(text) if text else ""
