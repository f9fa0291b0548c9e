"""What people type as it is searched for: without accents and capitals, full width as half width."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def folded(text: str) -> str:
    """`évé` as `eve`, `ＡＢＣ` as `abc`, `ｶﾞ` as `カ`; the picker's script does the same."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in apart if not unicodedata.category(sign).startswith("M")).casefold()


def has_words(words: Iterable[str], *texts: str) -> bool:
    """Whether every one of the words, which are folded already, stands in one of the texts."""
    text = folded(" ".join(texts))
    return all(word in text for word in words)
