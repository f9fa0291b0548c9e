"""Any hands: what a screen reader is told of every page in two languages, and WCAG 2.2 AA by axe in every state.

`make languages` runs it; the usual test run does not collect it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page

from connectors.models import User
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture

OpenAs = Callable[..., Page]
States = dict[str, tuple[str, Act]]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
# A line of the tree: its role, its name in quotation marks, and states such as [checked] or [level=1].
NODE = re.compile(
    r"^(?P<indent> *)- (?P<role>[a-z]+)(?P<name> \"(?:[^\"\\]|\\.)*\")?(?P<states>(?: \[[^\]]+\])*)"
)
NAMED = {
    *("button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "spinbutton", "progressbar"),
    *("heading", "img", "dialog", "alertdialog", "table", "region", "group", "option", "columnheader"),
}
# These may be without a name where the page says it beside them, or where there is one alone.
UNNAMED = {"table", "group", "columnheader", "option"}


def speak(page: Page, language: str) -> None:
    """As if somebody had used the switch of languages; the page must be one of the product already."""
    host = urlsplit(page.url).hostname or ""
    page.context.add_cookies(
        [{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "domain": host, "path": "/"}]
    )


def tree(page: Page) -> list[tuple[str, str, str]]:
    """Role, name and states of everything a screen reader meets, in its order."""
    lines = page.locator("body").aria_snapshot().splitlines()
    found = [NODE.match(line) for line in lines]
    return [(node["role"], (node["name"] or "").strip(' "'), node["states"]) for node in found if node]


def faults(nodes: list[tuple[str, str, str]]) -> list[str]:
    told = [f"a {role} has no name" for role, name, _states in nodes if role in NAMED - UNNAMED and not name]
    levels = [int(states.split("level=")[1][0]) for role, _name, states in nodes if role == "heading"]
    told += [f"level {b} follows {a}" for a, b in zip([0, *levels], levels, strict=False) if b > a + 1]
    told += [] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]
    mains = sum(role == "main" for role, _name, _states in nodes)
    told += [] if mains == 1 else [f"{mains} main parts"]
    first = next((role for role, _name, _states in nodes if role in ("link", "button")), "")
    return told + ([] if first == "link" else ["the first stop is not the link to the content"])


def shape(nodes: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(role, states) for role, _name, states in nodes if role not in ("text", "emphasis", "strong")]


def test_a_screen_reader_is_told_the_same_in_two_languages(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    page = open_as(admin)
    pages.pop("not-found")  # a browser logs an error of loading there
    found = {}
    page.goto("/")
    for name, (address, act) in pages.items():
        trees = []
        for language in ("en", "ja"):
            speak(page, language)
            page.goto(address)
            act(page)
            assert page.locator("html").get_attribute("lang") == language
            trees.append(tree(page))
        english, japanese = trees
        told = faults(english) + faults(japanese)
        if shape(english) != shape(japanese):
            odd = [pair for pair in zip(shape(english), shape(japanese), strict=False) if pair[0] != pair[1]]
            told.append(f"the trees differ, first at {odd[:1]}")
        if told:
            found[name] = told
    assert found == {}


def test_no_state_of_a_page_violates_wcag_22_aa(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    page, axe, found = open_as(admin), Axe(), {}
    pages.pop("not-found")
    page.emulate_media(reduced_motion="reduce")
    for name, (address, act) in pages.items():
        page.goto(address)
        act(page)
        violations = axe.run(page, options=WCAG).response["violations"]
        told = [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations]
        if told:
            found[name] = told
    assert found == {}
