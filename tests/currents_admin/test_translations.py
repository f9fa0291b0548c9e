"""Every language is whole: each message is translated, keeps its placeholders and says the product's terms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from django.conf import settings

from currents_admin.translations import catalogues

LOCALES = catalogues.offered()
PLACES = re.compile(r"%\(\w+\)[sd]|(?<!%)%%|\{\w+\}|</?\w+>")
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# The same in every language: units, names of products, and what stands in Segment or Braze by this name.
SHARED = re.compile(
    r"^(%\(\w+\)[sd]|[\d\s.,:;·%/–-]|s|min|h|d|ID|SMS|RCS|LINE|Canvas|Webhook|WhatsApp|Current|Currents|Segment|Braze"
    r"|User|user|External|SAS|Azure|Blob|Google|Cloud|Storage|null|UTC|JSON|H|i|j|F|M|Y|D)+$"
)
# English term: how each language must say it where it translates the term alone.
TERMS = {
    "Partner Integrations": ("Partnerintegrationen", "Intégrations partenaires", "Integraciones de socios"),
    "Data Export": ("Datenexport", "Exportation de données", "Exportación de datos"),
    "Launch Current": ("Current starten", "Lancer le Current", "Lanzar Current"),
    "Create New Current": ("Neuen Current erstellen", "Créer un Current", "Crear nuevo Current"),
    "Integration name": ("Integrationsname", "Nom de l’intégration", "Nombre de la integración"),
    "Segment write key": (
        "Segment-Schreibschlüssel",
        "Clé d’écriture Segment",
        "Clave de escritura de Segment",
    ),
    "Connector": ("Konnektor", "Connecteur", "Conector"),
    "Workspace": ("Workspace", "Espace de travail", "Espacio de trabajo"),
}
TERMS_JA_PT = {
    "Partner Integrations": ("パートナー連携", "Integrações com parceiros"),
    "Data Export": ("データエクスポート", "Exportação de dados"),
    "Launch Current": ("Current を起動", "Iniciar Current"),
    "Create New Current": ("新しい Current を作成", "Criar novo Current"),
    "Integration name": ("統合名", "Nome da integração"),
    "Segment write key": ("Segment 書き込みキー", "Chave de gravação do Segment"),
    "Connector": ("コネクター", "Conector"),
    "Workspace": ("ワークスペース", "Espaço de trabalho"),
}


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


@pytest.mark.parametrize("term", TERMS)
def test_terms_are_those_of_the_glossary(term: str) -> None:
    german, french, spanish = TERMS[term]
    japanese, portuguese = TERMS_JA_PT[term]
    wanted = {"de": german, "fr": french, "es": spanish, "ja": japanese, "pt_BR": portuguese}
    said = {
        locale: next(
            (
                target[0]
                for message, source, target in messages(locale)
                if source[0] == term and not message.context
            ),
            "",
        )
        for locale in LOCALES
    }
    assert said == wanted
