"""Every page in some of the languages, on a small phone. Two files share the six, so that two processes do."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from connectors.models import User
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
    """What does not fit, and what axe finds, with the language and the page."""
    both, found = readers(open_as, admin), []
    for name, language, page in visited(*both, one_of_each(every_state(pages, admin)), languages):
        told = misfits(page, name, _SMALL)
        told += [f"{name}: {one}" for one in violations(page, without=_LEFT_OUT)]
        found += [f"{language} {one}" for one in told]
    return found
