"""A pseudo-language: every text that passes gettext is written in letters that no code or data of the tests has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from unittest.mock import patch

from django.utils.translation import trans_real

LANGUAGE = "de"
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ȧƀƈḓḗƒɠħīĵķŀḿƞǿƥɋřşŧŭṽẇẋẏẑȦƁƇḒḖƑƓĦĪĴĶĿḾȠǾƤɊŘŞŦŬṼẆẊẎẐ",
)
# Placeholders, tags and entities are not text.
_KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd]|%%|\{\w+\}|<[^>]*>|&\w+;)")
_OUTSIDE = {"script", "style", "template"}
# What these hold comes from people, from Braze or from Segment.
_DATA = {"code", "bdi", "kbd", "pre", "q"}
_SPOKEN = ("aria-label", "title", "placeholder", "alt", "aria-description", "aria-roledescription")
_VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "use",
    "wbr",
}


def pseudo(text: str, longer: float = 0.0) -> str:
    """The text in made-up letters, by so much of its length longer."""
    said = "".join(part if _KEPT.fullmatch(part) else part.translate(_LETTERS) for part in _KEPT.split(text))
    # Units are as short in every language.
    plain = len(_KEPT.sub("", text).strip())
    more = math.ceil(plain * longer) if plain > 3 else 0
    words = " ".join("ẋẋẋẋẋẋ"[: more - at] for at in range(0, more, 6))
    return f"{said} {words}" if words and text.strip() else said


class _Translation:
    """Stands for `DjangoTranslation`."""

    def __init__(self, language: str, longer: float) -> None:
        self._language = language
        self._longer = longer

    def to_language(self) -> str:
        return self._language

    def language(self) -> str:
        return self._language

    def gettext(self, message: str) -> str:
        context, separator, text = message.rpartition("\x04")
        # A pattern for dates is no text.
        return text if separator and context == "date pattern" else pseudo(text, self._longer)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self.gettext(singular if number == 1 else plural)


@contextmanager
def pseudo_language(longer: float = 0.0) -> Iterator[None]:
    """Inside, `LANGUAGE` is the pseudo-language, its texts by so much longer than the English ones."""
    loaded = vars(trans_real)["_translations"]
    with patch.dict(loaded, {LANGUAGE: _Translation(LANGUAGE, longer)}):
        yield


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        # `lang` is said of names of languages, `dir=auto` of what people have typed.
        data = (
            tag in _DATA
            or said.get("class") == "address"
            or ("lang" in said and tag != "html")
            or said.get("dir") in ("auto", "ltr")
        )
        if not self._outside():
            self.found += [said[name] or "" for name in _SPOKEN if said.get(name)]
            if tag == "input" and said.get("type") in ("submit", "button"):
                self.found.append(said.get("value") or "")
        if tag not in _VOID:
            self.open.append((tag, data))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._outside() and not any(kept for _tag, kept in self.open):
            self.found.append(" ".join(data.split()))

    def _outside(self) -> bool:
        return any(tag in _OUTSIDE for tag, _data in self.open)


def texts(page: str) -> list[str]:
    """Every text of a page that somebody sees or hears, but what its markup says to be data."""
    reader = _Reader()
    reader.feed(page)
    return reader.found
