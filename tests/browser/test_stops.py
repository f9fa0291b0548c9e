"""The stories of docs/guides, counted: how many clicks they take by mouse, and how many stops by keyboard alone.

A click is a press of the mouse on something of the page; typing into a field that has the focus is none. A stop is a
press of Tab; arrow keys, the space bar and Enter work where the focus is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.models import Connector, Role, User
from tests.support.delivering import Line, a_line
from tests.support.factories import MembershipFactory

OpenAs = Callable[..., Page]
COUNT = """() => addEventListener("pointerdown", () => {
  sessionStorage.setItem("clicks", Number(sessionStorage.getItem("clicks")) + 1);
}, true)"""
NEW = "n" * 28 + "newk"


class Keys:
    """A keyboard that counts how often Tab was pressed."""

    def __init__(self, page: Page) -> None:
        self.page, self.stops = page, 0

    def to(self, selector: str, most: int = 40) -> None:
        for _press in range(most):
            if self.page.evaluate("what => document.activeElement.matches(what)", selector):
                return
            self.page.keyboard.press("Tab")
            self.stops += 1
        raise AssertionError(f"{most} stops did not lead to {selector}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture
def line(live_server: LiveServer) -> Iterator[Line]:
    with a_line(write_key="g" * 28 + "good", keys=["g" * 28 + "good", NEW]) as made:
        yield made


@pytest.fixture
def owner(line: Line) -> User:
    return MembershipFactory.create(workspace=line.workspace, role=Role.ADMIN).user


def counting_clicks(page: Page) -> Callable[[], int]:
    page.add_init_script(f"({COUNT})()")
    return lambda: int(page.evaluate("Number(sessionStorage.getItem('clicks'))"))


def test_creating_takes_at_most_6_clicks_by_mouse(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    clicks = counting_clicks(page)
    page.goto("/w/harbour/data-export/")
    page.get_by_role("link", name="Create New Current").click()
    page.locator("[name=write_key]").click()
    page.keyboard.type("k" * 32)
    page.get_by_text("European Union").click()
    page.get_by_role("button", name="All 55 of the reference page").click()
    page.get_by_role("button", name="Launch Current").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    assert (clicks(), Connector.objects.count()) == (5, 1)


def test_creating_takes_at_most_40_stops_by_keyboard(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto("/w/harbour/data-export/new/segment/")
    keys = Keys(page)
    keys.to("a.skip")
    keys.press("Enter")
    keys.to("#id_name")
    page.keyboard.type("Lifecycle events")
    keys.to("[name=write_key]")
    page.keyboard.type("k" * 32)
    keys.to("[name=region]")
    keys.press("ArrowDown")
    keys.to("[data-search]")
    page.keyboard.type("email click")
    keys.press("ArrowDown", "Space")
    keys.to("form[data-form] button.primary[type=submit]")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    made = Connector.objects.get()
    assert (made.name, made.selected_events) == ("Lifecycle events", ["users.messages.email.Click"])
    assert keys.stops <= 40, keys.stops


def test_choosing_groups_and_events_by_keyboard_needs_one_stop_each(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto("/w/harbour/data-export/new/segment/")
    stops = ".picker-groups input, #pane input, #pane a, #pane button"
    inside = f"[...document.querySelectorAll('{stops}')].filter(one => one.tabIndex === 0)"
    assert page.evaluate(f"{inside}.length") == 2
    page.keyboard.press("/")
    page.keyboard.type("email")
    assert page.evaluate(f"{inside}.length") == 2


def test_rotating_with_test_verification_and_switch_takes_at_most_5_clicks(
    line: Line, owner: User, open_as: OpenAs
) -> None:
    page = open_as(owner)
    clicks = counting_clicks(page)
    page.goto(f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/write-key/")
    page.locator("[name=write_key]").click()
    page.keyboard.type(NEW)
    page.get_by_role("button", name="Send test events first").click()
    page.get_by_role("button", name="Yes, I saw them").click()
    page.get_by_role("button", name="Switch to ••••newk").click()
    expect(page.get_by_text("The key is switched.")).to_be_visible()
    assert clicks() == 4


def test_rotating_takes_at_most_25_stops_and_each_step_leads_to_the_next(
    line: Line, owner: User, open_as: OpenAs
) -> None:
    page = open_as(owner)
    page.goto(f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/write-key/")
    keys = Keys(page)
    keys.to("a.skip")
    keys.press("Enter")
    keys.to("[name=write_key]")
    page.keyboard.type(NEW)
    keys.to("[formaction]")
    keys.press("Enter")
    expect(page.locator(".proof h3")).to_be_focused()
    keys.to(".proof button")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Switch", exact=True)).to_be_focused()
    keys.to("button.primary")
    keys.press("Enter")
    expect(page.get_by_text("The key is switched.")).to_be_visible()
    assert keys.stops <= 25, keys.stops
