"""Every page and state by axe, at two widths, in light and dark: nothing against WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from connectors.models import User
from tests.browser.axe import CONTRAST, violations
from tests.browser.more_pages import show
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture

OpenAs = Callable[..., Page]


def looked_at(page: Page) -> list[str]:
    """All rules at both widths; contrast, which alone depends on the theme, in the other theme too."""
    found = set()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="light")
        found |= {f"at {width}: {one}" for one in violations(page)}
        page.emulate_media(color_scheme="dark")
        found |= {f"dark, at {width}: {one}" for one in violations(page, rules=CONTRAST)}
    return sorted(found)


def test_axe_finds_nothing_in_any_state_theme_and_width(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page, found = open_as(admin), []
    page.emulate_media(reduced_motion="reduce")
    pages.pop("not-found")  # a browser logs an error of loading there
    for name, (address, act) in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        show(page, address, act)
        found += [f"{name} {one}" for one in looked_at(page)]
    assert not found, "\n".join(found)


def test_axe_finds_nothing_before_the_sign_in(admin: User, open_as: OpenAs) -> None:
    page, found = open_as(None), []
    page.emulate_media(reduced_motion="reduce")
    for address in ("/accounts/login/", "/accounts/password/reset/"):
        page.goto(address)
        found += [f"{address} {one}" for one in looked_at(page)]
    assert not found, "\n".join(found)
