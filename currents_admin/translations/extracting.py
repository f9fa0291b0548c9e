"""Every message of the product: of Python, of templates, of the event catalogue, whose names are data, and of the
calendar."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from django.utils import dates, translation
from django.utils.translation.template import templatize

from connectors.catalogue.catalogue import CATALOGUE
from connectors.catalogue.labels import CONTEXT
from currents_admin import local

PACKAGES = ("connectors", "exporter", "currents_admin")
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}


def template() -> Catalog:
    """A catalogue without translations, in an order that stays the same from run to run."""
    catalog = Catalog(project="Currents Admin", charset="utf-8")
    for path in _python_files():
        _add(catalog, path, path.read_bytes())
    for path in sorted((local.FILES / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            _add(catalog, path, _pseudo_python(path))
    for text in _names():
        catalog.add(text, context=CONTEXT, locations=[("connectors/catalogue/catalogue.json", 0)])
    for text, context in _calendar():
        catalog.add(text, context=context, locations=[("django/utils/dates.py", 0)])
    return catalog


def _python_files() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((local.FILES / package).rglob("*.py")):
            # Commands speak English to whoever runs the installation.
            if not {"migrations", "management"} & set(path.parts):
                yield path


def _pseudo_python(path: Path) -> bytes:
    """What Django makes of a template for extraction, without the indentation that no Python has."""
    text = templatize(path.read_text(), origin=str(path))
    return "\n".join(line.strip() for line in text.splitlines()).encode()


def _add(catalog: Catalog, path: Path, source: bytes) -> None:
    place = path.relative_to(local.FILES).as_posix()
    for _line, message, _comments, context in extract("python", BytesIO(source), _KEYWORDS):
        catalog.add(message, context=context, locations=[(place, 0)])


def _names() -> Iterator[str]:
    """Sections, groups, labels and summaries, each once; event types and names in Segment are never translated."""
    seen: set[str] = set()
    for event in (*CATALOGUE.events, *CATALOGUE.nameless):
        for text in (event.section, event.group, event.label, event.summary):
            if text not in seen:
                seen.add(text)
                yield text


def _calendar() -> Iterator[tuple[str, str | None]]:
    """Django's names of days and months: it begins some of them with a capital where the language does not."""
    with translation.override("en"):
        for names in (dates.WEEKDAYS, dates.WEEKDAYS_ABBR, dates.MONTHS):
            yield from ((str(name), None) for name in names.values())
        yield from ((str(name), "abbrev. month") for name in dates.MONTHS_AP.values())
