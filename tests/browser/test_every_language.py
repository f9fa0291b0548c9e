"""Every page in all six languages fits a small phone, and axe finds nothing on it; `make languages` asks every state at
every width."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import expect

from connectors.models import User
from tests.browser.axe import CONTRAST, violations
from tests.browser.every_page import OpenAs, States, every_state, one_of_each, readers, speak, visited
from tests.browser.fitting import misfits
from tests.browser.screenshots import pages  # noqa: F401 - a fixture

# Colours and landmarks are the same in all languages; `test_accessible` asks for them.
LEFT_OUT = (*CONTRAST, "landmark-unique", "region")
# 400 % zoom of a window 1280 wide.
SMALL = 320


def test_every_page_fits_a_small_phone_and_breaks_no_rule_in_any_language(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    both, faults = readers(open_as, admin), []
    for page in both:
        page.set_viewport_size({"width": SMALL, "height": 900})
    languages = [code for code, _name in settings.LANGUAGES]
    for name, language, page in visited(*both, one_of_each(every_state(pages, admin)), languages):
        told = misfits(page, name, SMALL) + [f"{name}: {one}" for one in violations(page, without=LEFT_OUT)]
        faults += [f"{language} {one}" for one in told]
    assert not faults, "\n".join(faults)


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
