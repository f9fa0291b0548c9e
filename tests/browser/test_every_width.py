"""No page scrolls sideways and no text lies on another, from a small phone to a wide screen, in any state."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from connectors.models import User
from tests.browser.fitting import OVERLAPPING, WIDER
from tests.browser.more_pages import show
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture

OpenAs = Callable[..., Page]
WIDTHS = (320, 390, 720, 768, 900, 1024, 1280, 1440, 1920, 2560)
# 400 % zoom of a window 1280 wide is one of 320; 200 % of one of 1440 is 720.


def test_every_page_fits_every_width(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page = open_as(admin)
    # What was typed in one state is no draft for the next.
    page.add_init_script("sessionStorage.clear()")
    pages.pop("not-found")  # a browser logs an error of loading there
    faults = []
    for name, (address, act) in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        show(page, address, act)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                faults.append(f"{name} at {width}: {wide} wide, {page.evaluate(WIDER, width)}")
            faults += [f"{name} at {width}: {pair}" for pair in page.evaluate(OVERLAPPING)]
    assert not faults, "\n".join(faults)
