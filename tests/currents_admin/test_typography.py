"""Every language is written with its own signs: French and Japanese have rules that a reader sees at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from currents_admin import local
from currents_admin.translations import catalogues

JAPANESE = "[\u3040-\u30ff\u4e00-\u9fff]"
# What stands between: addresses, commands, and markup.
OTHER = re.compile(r"<[^>]*>|%\(\w+\)[sd]|%%|\{\w+\}")


def texts(locale: str) -> Iterator[str]:
    for message in catalogues.read(locale):
        if message.id and message.context != "date pattern":
            yield from [message.string] if isinstance(message.string, str) else message.string or ()


def test_french_signs_stay_with_the_word_before_them() -> None:
    loose = [text for text in texts("fr") if re.search(r" ([;:!?](\s|$)|»|%%)|« |\w[;!?](\s|$)", text)]
    assert loose == []


def test_a_number_and_its_unit_are_never_parted() -> None:
    unit = re.compile(r"(\)s|\}|\d) (s|ms|min|h|j|d|KB|Ko|MB|Mo)(?![\w’])|\d \d{3}\b")
    assert [
        text for locale in ("fr", "pt_BR", "es", "de") for text in texts(locale) if unit.search(text)
    ] == []


def test_japanese_has_its_own_signs_and_no_blanks_between_its_words() -> None:
    beside = re.compile(rf"{JAPANESE} {JAPANESE}|(?<={JAPANESE})[,;:!?.()]|[,;:!?()](?={JAPANESE})")
    assert [text for text in texts("ja") if beside.search(OTHER.sub("", text))] == []
    counter = re.compile(r"(\)[sd]|\d) [件人個文字回秒分時間日種]")
    assert [text for text in texts("ja") if counter.search(text)] == []


def test_latin_words_in_japanese_have_a_blank_on_either_side() -> None:
    touching = re.compile(rf"[A-Za-z]{{2,}}(?={JAPANESE})|(?<={JAPANESE})[A-Za-z]{{2,}}")
    assert [text for text in texts("ja") if touching.search(OTHER.sub("", text))] == []


def test_spanish_and_portuguese_quote_as_the_product_does() -> None:
    assert [
        text
        for locale in ("es", "pt_BR")
        for text in texts(locale)
        if re.search('[«»"]', OTHER.sub("", text))
    ] == []


def test_german_quotes_open_below() -> None:
    odd = [text for text in texts("de") if text.count("„") != text.count("“") or '"' in OTHER.sub("", text)]
    assert odd == []


def test_no_template_orders_a_date_by_itself() -> None:
    dated = re.compile(r'\|date:"[^"]*[jFMDlN]')
    found = [path.name for path in (local.FILES / "templates").rglob("*.*") if dated.search(path.read_text())]
    assert found == [], "`written` has each language's order."
