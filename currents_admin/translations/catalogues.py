"""The catalogue of each language: read, merged with what the product says now, written, and compiled."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale

from currents_admin import local
from currents_admin.translations import extracting

# Dates in the files would change with every run.
_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_NO_HEADERS = (b'"Report-Msgid', b'"Last-Translator', b'"Language-Team', b'"POT-Creation', b'"PO-Revision')
_HEADER = "# Messages of Currents Admin. `manage.py translations` merges, compiles and checks this file.\n#"


def locales() -> list[str]:
    """The languages there is a catalogue for, as folders of `locale/` are named."""
    return sorted(path.parents[1].name for path in (local.FILES / "locale").glob("*/LC_MESSAGES/django.po"))


def offered() -> list[str]:
    return sorted(to_locale(code) for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE)


def po_file(locale: str) -> Path:
    return local.FILES / "locale" / locale / "LC_MESSAGES" / "django.po"


def read(locale: str) -> Catalog:
    path = po_file(locale)
    if not path.exists():
        return Catalog(locale=locale)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def merge(locale: str) -> Catalog:
    """The language's catalogue with exactly the messages the product has now; those that are gone are dropped."""
    catalog = read(locale)
    catalog.update(extracting.template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def write(locale: str, catalog: Catalog) -> None:
    path = po_file(locale)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(po_text(catalog))
    path.with_suffix(".mo").write_bytes(compiled(catalog))


def po_text(catalog: Catalog) -> bytes:
    catalog.header_comment = _HEADER
    catalog.fuzzy = False
    catalog.creation_date = catalog.revision_date = _DAY
    buffer = BytesIO()
    write_po(buffer, catalog, width=110, include_lineno=False, sort_output=False)
    lines = buffer.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_NO_HEADERS))


def compiled(catalog: Catalog) -> bytes:
    """Messages without a translation are left out, so that they are shown in English."""
    catalog.creation_date = catalog.revision_date = _DAY
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()
