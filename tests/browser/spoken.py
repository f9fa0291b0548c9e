"""What a screen reader is told of a page: whether it is whole, and whether it is the same in another language."""

from __future__ import annotations

import re
from itertools import pairwise

from playwright.sync_api import Page

Node = tuple[str, str, str]
# A line of the tree: its role, its name in quotation marks, and states such as [checked] or [level=1]; as a whole in
# single ones, as YAML wants it, where the name has a colon.
NODE = re.compile(r"^ *- '?(?P<role>[a-z]+)(?P<name> \"(?:[^\"\\]|\\.)*\")?(?P<states>(?: \[[^\]]+\])*)")
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


def differences(one: list[Node], other: list[Node]) -> list[str]:
    """Where the trees of a page in two languages part."""
    if shape(one) == shape(other):
        return []
    pairs = enumerate(zip(one, other, strict=False))
    odd = next((place for place, (a, b) in pairs if a[::2] != b[::2]), 0)
    return [f"the trees differ: {one[odd - 1 : odd + 3]}, {other[odd - 1 : odd + 3]}"]
