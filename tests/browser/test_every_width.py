"""No page scrolls sideways and no text lies on another, from a small phone to a wide screen, in any state."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from connectors.models import User
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture

OpenAs = Callable[..., Page]
WIDTHS = (320, 390, 720, 768, 900, 1024, 1280, 1440, 1920, 2560)
# 400 % zoom of a window 1280 wide is one of 320; 200 % of one of 1440 is 720.

# The boxes of all visible texts that nothing clips or scrolls by itself; answers pairs that overlap.
OVERLAPPING = """() => {
  const boxes = [], out = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const apart = (style) => ["fixed", "sticky"].includes(style.position) || style.opacity === "0"
    || [style.overflowX, style.overflowY].some((way) => ["auto", "scroll", "hidden", "clip"].includes(way));
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.nodeValue.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    if (parent.closest("script, style, svg, template, .unseen, option")) continue;
    if (parent.closest("details:not([open]) > :not(summary), details.menu-host[open] .menu")) continue;
    let clipped = false;
    for (let up = parent; up; up = up.parentElement) clipped = clipped || apart(getComputedStyle(up));
    if (clipped) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 2 && box.height > 4) boxes.push([node.nodeValue.trim().slice(0, 40), box, parent]);
    }
  }
  boxes.forEach(([one, a, of], place) => boxes.slice(place + 1).forEach(([other, b, its]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (of !== its && across > 2 && down > 5) out.push(`${one} | ${other}`);
  }));
  return out;
}"""
WIDER = """(width) => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().right > width + 0.5).map((one) => one.className || one.tagName)
  .slice(0, 5).join(", ")"""


def test_every_page_fits_every_width(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page = open_as(admin)
    pages.pop("not-found")  # a browser logs an error of loading there
    faults = []
    for name, (address, act) in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(address)
        act(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                faults.append(f"{name} at {width}: {wide} wide, {page.evaluate(WIDER, width)}")
            faults += [f"{name} at {width}: {pair}" for pair in page.evaluate(OVERLAPPING)]
    assert not faults, "\n".join(faults)
