"""What a screen reader is told of every page, compared between two languages; `make languages` asks it."""

from __future__ import annotations

import re
from itertools import pairwise

from playwright.sync_api import Page

from connectors.models import User
from tests.browser.every_page import OpenAs, States, every_state, one_of_each, readers, visited
from tests.browser.screenshots import pages  # noqa: F401 - a fixture

Node = tuple[str, str, str]
# A line of the tree: its role, its name in quotation marks, and states such as [checked] or [level=1].
NODE = re.compile(
    r"^(?P<indent> *)- (?P<role>[a-z]+)(?P<name> \"(?:[^\"\\]|\\.)*\")?(?P<states>(?: \[[^\]]+\])*)"
)
NAMED = {
    *("button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "spinbutton", "progressbar"),
    *("heading", "img", "dialog", "alertdialog", "region", "meter", "slider", "switch", "tab", "menuitem"),
}


def tree(page: Page) -> list[Node]:
    """Role, name and states of everything a screen reader meets, in its order."""
    lines = page.locator("body").aria_snapshot().splitlines()
    found = [NODE.match(line) for line in lines]
    return [(node["role"], (node["name"] or "").strip(' "'), node["states"]) for node in found if node]


def faults(nodes: list[Node]) -> list[str]:
    told = [f"a {role} has no name" for role, name, _states in nodes if role in NAMED and not name]
    levels = [int(states.split("level=")[1][0]) for role, _name, states in nodes if role == "heading"]
    told += [f"level {b} follows {a}" for a, b in pairwise(levels) if b > a + 1]
    told += [] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]
    mains = sum(role == "main" for role, _name, _states in nodes)
    return told + ([] if mains == 1 else [f"{mains} main parts"])


def shape(nodes: list[Node]) -> list[tuple[str, str]]:
    return [
        (role, states)
        for role, _name, states in nodes
        if role not in ("text", "emphasis", "strong", "option")
    ]


def compared(english: list[Node], japanese: list[Node]) -> list[str]:
    told = faults(english) + faults(japanese)
    if shape(english) != shape(japanese):
        pairs = enumerate(zip(english, japanese, strict=False))
        odd = next((place for place, (one, other) in pairs if one[::2] != other[::2]), 0)
        told.append(f"the trees differ: {english[odd - 1 : odd + 3]}, {japanese[odd - 1 : odd + 3]}")
    return told


def test_a_screen_reader_is_told_the_same_in_two_languages(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    seen: dict[str, list[list[Node]]] = {}
    for name, language, page in visited(
        *readers(open_as, admin), one_of_each(every_state(pages, admin)), ("en", "ja")
    ):
        assert page.locator("html").get_attribute("lang") == language
        seen.setdefault(name, []).append(tree(page))
    found = {name: compared(english, japanese) for name, (english, japanese) in seen.items()}
    assert {name: told for name, told in found.items() if told} == {}
