"""The other half of what `test_every_language` asks for."""

from __future__ import annotations

from connectors.models import User
from tests.browser.every_language import HALVES, faults
from tests.browser.every_page import OpenAs, States
from tests.browser.screenshots import pages  # noqa: F401 - a fixture


def test_every_page_fits_breaks_no_rule_and_is_told_the_same_in_the_other_languages(
    admin: User,
    open_as: OpenAs,
    pages: States,  # noqa: F811
) -> None:
    found = faults(open_as, admin, pages, HALVES[1])
    assert not found, "\n".join(found)
