"""Several things in one sentence, and several sentences, joined as the reader's language joins them."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import get_language, pgettext


def listed(items: Iterable[object]) -> str:
    """`name, contact, events`."""
    return pgettext("between the items of a list", ", ").join(map(str, items))


def one_after_the_other(sentences: Iterable[str]) -> str:
    """Those that say something; Japanese has no blank between sentences."""
    return ("" if get_language() == "ja" else " ").join(one for one in sentences if one)
