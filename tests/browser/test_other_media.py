"""Paper, and colours people force: nothing of the content is lost, and what differs on a screen differs there too."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from playwright.sync_api import Page, ViewportSize, expect

from connectors.models import User
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture

OpenAs = Callable[..., Page]
CREATE = "/w/harbour/data-export/new/segment/"
# What a sheet of A4 leaves between margins of 14 mm.
PAPER: ViewportSize = {"width": 688, "height": 1000}
CUT_OFF = """() => [...document.querySelectorAll("main *")].filter((one) => {
  const style = getComputedStyle(one);
  return one.checkVisibility() && !one.closest("svg, .unseen") && ["auto", "scroll"].includes(style.overflowX)
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).map((one) => one.className || one.tagName)"""


def test_paper_has_the_content_alone_and_all_of_it(
    admin: User,
    open_as: OpenAs,
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> None:
    page, faults = open_as(admin), []
    page.set_viewport_size(PAPER)
    for name in (
        "list",
        "status-busy",
        "status-failing",
        "attempts",
        "rejected",
        "audit",
        "members",
        "replay",
    ):
        page.goto(pages[name][0])
        page.emulate_media(media="print")
        expect(page.locator(".sidebar")).to_be_hidden()
        expect(page.locator(".topbar")).to_be_hidden()
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{name}: {wide} wide"] if wide > PAPER["width"] else []
        faults += [f"{name}: {one} is cut off" for one in page.evaluate(CUT_OFF)]
        page.emulate_media(media="screen")
    assert not faults, "\n".join(faults)


def test_paper_has_all_events_of_the_picker_and_its_ticks(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    page.locator('[value="users.messages.email.Open"]').check()
    page.keyboard.press("/")
    page.keyboard.type("email open")
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    expect(page.locator(".event:visible")).to_have_count(101)
    assert page.evaluate(
        "document.getElementById('pane').scrollHeight <= document.getElementById('pane').clientHeight"
    )
    ticked = page.locator('[value="users.messages.email.Open"]')
    assert ticked.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"


def test_off_ticked_and_mixed_differ_in_forced_colours(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page.goto(CREATE)
    groups = page.locator(".picker-groups")
    groups.get_by_label("Messages: Email", exact=True).check()
    boxes = {
        "ticked": groups.get_by_label("Messages: Email", exact=True),
        "mixed": groups.get_by_label("Messages", exact=True),
        "off": groups.get_by_label("Messages: Push Notification", exact=True),
    }
    page.locator("h1").click()
    looks = {name: box.screenshot() for name, box in boxes.items()}
    for one, other in combinations(looks, 2):
        assert looks[one] != looks[other], (one, other)
