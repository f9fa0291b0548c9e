"""Every language is whole: each message is translated, keeps its placeholders and says the product's terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from django.conf import settings

from currents_admin.translations import catalogues

LOCALES = catalogues.offered()
# Commands are typed as they stand.
COMMAND = re.compile("manage.py [^”]*")
PLACES = re.compile(r"%\(\w+\)[sd]|(?<!%)%%|\{\w+\}|</?\w+>")
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# The same in every language: units, names of products, and what stands in Segment or Braze by this name.
SHARED = re.compile(
    r"^(%\(\w+\)[sd]|[\d\s.,:;·%/–-]|s|ms|min|h|d|ID|SMS|RCS|LINE|Canvas|Webhook|WhatsApp|Current|Currents|Segment|Braze"
    r"|User|user|External|SAS|Azure|Blob|Google|Cloud|Storage|null|UTC|JSON|H|i|j|F|M|Y|D)+$"
)
GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
COLUMNS = ("fr", "pt_BR", "es", "ja", "de")
# How a word begins that says *refused* and one that says *rejected*; in Japanese one is part of the other.
REFUSED = {"de": "zurückgewiesen", "fr": "refus", "es": "deneg", "pt_BR": "recus"}
REJECTED = {"de": "(ab)?lehn|abgelehnt", "fr": "rejet", "es": "rech", "pt_BR": "rejeit"}


def messages(locale: str) -> Iterator[tuple[Message, list[str], list[str]]]:
    """Each message with its texts in English and in the language."""
    for message in catalogues.read(locale):
        if message.id:
            source = [message.id] if isinstance(message.id, str) else list(message.id)
            target = [message.string] if isinstance(message.string, str) else list(message.string or ())
            yield message, source, target


def test_there_is_a_catalogue_for_every_language_offered() -> None:
    assert len(settings.LANGUAGES) == 6
    assert catalogues.locales() == LOCALES == ["de", "es", "fr", "ja", "pt_BR"]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_of_the_product_is_translated(locale: str) -> None:
    missing = [
        message.id
        for message in catalogues.merge(locale)
        if message.id
        and not (message.string if isinstance(message.string, str) else all(message.string or ()))
    ]
    assert missing == [], "Run `manage.py translations`, then translate what is empty in the catalogues."
    assert not any(message.fuzzy for message, _source, _target in messages(locale))


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_read_is_what_is_written(locale: str) -> None:
    path = catalogues.po_file(locale)
    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(catalogues.read(locale))


@pytest.mark.parametrize("locale", LOCALES)
def test_placeholders_tags_and_plural_forms_are_kept(locale: str) -> None:
    forms = 1 if locale == "ja" else 2
    for _message, source, target in messages(locale):
        if len(source) == 2:
            assert len(target) == forms, source
        wanted = Counter(PLACES.findall(source[-1]))
        assert Counter(PLACES.findall(target[-1])) == wanted, source
        if len(target) == 2:
            # One thing may be named without its number.
            assert set(PLACES.findall(target[0])) <= set(wanted) | set(PLACES.findall(source[0])), source


@pytest.mark.parametrize("locale", LOCALES)
def test_hardly_anything_is_left_in_english(locale: str) -> None:
    every = list(messages(locale))
    # A pattern for dates is no text.
    same = [
        source[0]
        for message, source, target in every
        if source[0] == target[0] and message.context != "date pattern" and not SHARED.match(source[0])
    ]
    assert len(same) <= 0.03 * len(every), same
    assert not [text for text in same if len(text.split()) > 3], same


def test_japanese_is_in_japanese_script() -> None:
    texts = [target[0] for _message, _source, target in messages("ja")]
    assert sum(1 for text in texts if JAPANESE.search(text)) >= 0.9 * len(texts)


def terms(table: int) -> dict[str, dict[str, list[str]]]:
    """The glossary's terms in six languages: the first table's hold in every sentence, the second's where they stand
    alone."""
    section = GLOSSARY.read_text().split("## In six languages")[1]
    rows = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    heads = [place for place, row in enumerate(rows) if row[0] == "English"] + [len(rows)]
    chosen = rows[heads[table] + 2 : heads[table + 1]]
    return {
        row[0]: dict(zip(COLUMNS, (cell.split(" / ") for cell in row[1:]), strict=True)) for row in chosen
    }


def begins(locale: str, form: str) -> str:
    """What every inflected form of a term has in common: how its first word begins."""
    return form.casefold() if locale == "ja" else form.casefold().split()[0][:5]


@pytest.mark.parametrize("locale", LOCALES)
def test_a_term_alone_is_what_the_glossary_says(locale: str) -> None:
    both = {term.casefold(): forms[locale] for table in (0, 1) for term, forms in terms(table).items()}
    for message, source, target in messages(locale):
        forms = both.get(source[0].casefold(), [])
        if forms and not message.context:
            assert any(target[0].casefold().startswith(begins(locale, form)) for form in forms), source


@pytest.mark.parametrize("locale", LOCALES)
def test_terms_are_those_of_the_glossary(locale: str) -> None:
    departing = []
    for term, said in terms(0).items():
        alone = re.compile(rf"\b{term.removesuffix('s')}s?\b", re.IGNORECASE)
        for message, source, target in messages(locale):
            if message.context or not alone.search(COMMAND.sub("", PLACES.sub("", source[-1]))):
                continue
            if not any(begins(locale, form) in target[-1].casefold() for form in said[locale]):
                departing.append((term, source[-1], target[-1]))
    assert departing == []


@pytest.mark.parametrize("locale", REFUSED)
def test_refused_and_rejected_are_told_apart(locale: str) -> None:
    for message, source, target in messages(locale):
        english, said = source[-1].casefold(), target[-1].casefold()
        # Of a whole request both are said, as its health does; of what carriers do, Braze's words.
        if "request" in english or message.context == "catalogue":
            continue
        if "refus" in english and "reject" not in english:
            assert not re.search(rf"\b({REJECTED[locale]})", said), source
        if "reject" in english and "refus" not in english:
            assert not re.search(rf"\b{REFUSED[locale]}", said), source


@pytest.mark.parametrize("locale", LOCALES)
def test_names_of_braze_and_segment_stay(locale: str) -> None:
    translated = [
        (name, target[-1])
        for _message, source, target in messages(locale)
        for name in ("Braze", "Segment", "Canvas", "Currents", "Liquid")
        if re.search(rf"\b{name}\b", source[-1]) and name not in target[-1]
    ]
    assert translated == []
