"""Every page in all six languages fits a small phone, axe finds nothing on it, and a screen reader is told the same
(`test_the_other_languages` asks for half of them); `make languages` asks every state at every width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from connectors.models import User
from tests.browser.every_language import HALVES, faults
from tests.browser.every_page import OpenAs, States, speak
from tests.browser.screenshots import pages  # noqa: F401 - a fixture


def test_every_page_fits_breaks_no_rule_and_is_told_the_same_in_half_of_the_languages(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    found = faults(open_as, admin, pages, HALVES[0])
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("language", "typed", "found"),
    [
        ("fr", "événement personnalisé", "users.behaviors.CustomEvent"),
        ("fr", "EVENEMENT personnalise", "users.behaviors.CustomEvent"),
        ("ja", "カスタムイベント", "users.behaviors.CustomEvent"),
        ("ja", "ｶｽﾀﾑｲﾍﾞﾝﾄ", "users.behaviors.CustomEvent"),
        ("ja", "Custom Event", "users.behaviors.CustomEvent"),
        ("ja", "Ｅｍａｉｌ　Ｌｉｎｋ　Ｃｌｉｃｋｅｄ", "users.messages.email.Click"),
        ("de", "users.messages.email.open", "users.messages.email.Open"),
    ],
)
def test_the_picker_finds_by_words_of_any_language_however_they_are_typed(
    language: str,
    typed: str,
    found: str,
    marketer: User,
    open_as: OpenAs,
) -> None:
    page = open_as(marketer)
    page.goto("/")
    speak(page, language)
    page.goto("/w/harbour/data-export/new/segment/")
    page.locator("[data-search]").fill(typed)
    expect(page.locator(f'[value="{found}"]')).to_be_visible()
    assert page.locator(".event:visible").count() < 8
