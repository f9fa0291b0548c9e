"""Paint: from pressing *Sign in* to the first content Chromium shows of the page behind it; further pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.ground import web
from benchmarks.results import Result
from tests.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_WIDTH, _HEIGHT = 1440, 900
# Milliseconds since the navigation began: the POST, the check of the password and the redirect are inside.
_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def measure(email: str, password: str, pages: dict[str, str], rounds: int) -> Iterator[Result]:
    """`pages` are visited after signing in, with what the browser has kept; nothing where Chromium is missing."""
    if not os.path.exists(chromium.PATH):
        print("  paint is left out: Chromium is not installed (Debian: chromium)")
        return
    from playwright.sync_api import sync_playwright

    taken: dict[str, list[float]] = {}
    with web() as (_part, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PATH, args=chromium.SWITCHES)
        for _ in range(rounds):
            for name, milliseconds in _visit(browser, f"http://127.0.0.1:{port}", email, password, pages):
                taken.setdefault(name, []).append(milliseconds)
        browser.close()
    for name, values in taken.items():
        yield Result("paint", name, "ms", values, "first contentful paint, Chromium, 1440 px")


def _visit(
    browser: Browser, base: str, email: str, password: str, pages: dict[str, str]
) -> Iterator[tuple[str, float]]:
    """One person with an empty cache."""
    context = browser.new_context(base_url=base, viewport={"width": _WIDTH, "height": _HEIGHT})
    page = context.new_page()
    page.goto("/accounts/login/")
    yield "sign-in page, nothing cached", _painted(page)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    yield "from pressing Sign in to the page behind it", _painted(page)
    for name, address in pages.items():
        page.goto(address)
        yield name, _painted(page)
    context.close()


def _painted(page: Page) -> float:
    page.wait_for_function(_PAINTED)
    milliseconds: float = page.evaluate(_PAINTED)
    return milliseconds
