"""Every page in some of the languages: on a small phone, by axe, and as a screen reader is told it. Two files share the
six, so that two processes do."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from connectors.models import User
from tests.browser import spoken
from tests.browser.axe import CONTRAST, violations
from tests.browser.every_page import OpenAs, States, every_state, one_of_each, readers, visited
from tests.browser.fitting import misfits

_LANGUAGES = [code for code, _name in settings.LANGUAGES]
# English and Japanese are in one of them.
HALVES = _LANGUAGES[::2], _LANGUAGES[1::2]
# Colours and landmarks are the same in all languages; `test_accessible` asks for them.
_LEFT_OUT = (*CONTRAST, "landmark-unique", "region")
# 400 % zoom of a window 1280 wide.
_SMALL = 320


def faults(open_as: OpenAs, admin: User, pages: States, languages: Sequence[str]) -> list[str]:
    """What does not fit, what axe finds, and what is told otherwise than in the first language, with the language and
    the page."""
    both, found = readers(open_as, admin), []
    trees: dict[str, list[spoken.Node]] = {}
    for name, language, page in visited(*both, one_of_each(every_state(pages, admin)), languages):
        page.set_viewport_size({"width": 1440, "height": 900})
        nodes = spoken.tree(page)
        shown = page.evaluate("document.documentElement.lang")
        told = [] if shown == language else [f"is in {shown}"]
        told += spoken.faults(nodes) + spoken.differences(trees.setdefault(name, nodes), nodes)
        told += misfits(page, _SMALL) + violations(page, without=_LEFT_OUT)
        found += [f"{language}, {name}: {one}" for one in told]
    return found
