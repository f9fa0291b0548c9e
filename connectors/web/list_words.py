"""Several things in one sentence, joined as the reader's language joins them."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import pgettext


def listed(items: Iterable[object]) -> str:
    """`name, contact, events`."""
    return pgettext("between the items of a list", ", ").join(map(str, items))
