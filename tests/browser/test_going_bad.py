"""A key goes bad while somebody looks, and is rotated: the page tells both by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from connectors.audit import actor
from connectors.models import Role, User
from connectors.setup import lifecycle
from tests.support.delivering import Line, a_line
from tests.support.factories import MembershipFactory

OpenAs = Callable[..., Page]
GOOD = "g" * 28 + "good"
NEW = "n" * 28 + "newk"


@pytest.fixture
def line(live_server: LiveServer) -> Iterator[Line]:
    with a_line(write_key=GOOD, keys=[GOOD], unknown_key=401) as made:
        yield made


@pytest.fixture
def owner(line: Line) -> User:
    return MembershipFactory.create(workspace=line.workspace, role=Role.ADMIN, user__name="Maya Okafor").user


def address(line: Line) -> str:
    return f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/"


def mark(page: Page) -> None:
    page.evaluate("window.notReloaded = true")


def was_not_reloaded(page: Page) -> bool:
    return page.evaluate("window.notReloaded === true") is True


def test_a_key_goes_bad_and_the_page_says_so_by_itself_then_follows_the_rotation(
    line: Line, owner: User, open_as: OpenAs
) -> None:
    line.feed(3)
    line.deliver()
    page = open_as(owner)
    page.goto(address(line))
    expect(page.get_by_role("heading", name="Delivering; up to date.")).to_be_visible()
    mark(page)

    line.sandbox.switch(known_keys=[NEW])
    line.feed(4)
    line.deliver()
    expect(page.get_by_role("heading", name="Segment rejected the write key")).to_be_visible()
    expect(page.get_by_text("Time left before the first loss")).to_be_visible()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.locator(".equation")).to_contain_text("4 waiting")
    expect(page.locator(".sentence").get_by_role("link", name="Rotate write key")).to_be_visible()
    assert was_not_reloaded(page)

    lifecycle.rotate(line.connector, write_key=NEW, region="us", by=actor.By(owner))
    line.deliver()
    expect(page.get_by_role("heading", name="Delivering; up to date.")).to_be_visible()
    expect(page.locator(".equation")).to_contain_text("7 accepted")
    expect(page.get_by_text("Time left before the first loss")).to_be_hidden()
    assert was_not_reloaded(page)


def test_other_pages_of_the_workspace_hear_of_it_and_of_its_end(
    line: Line, owner: User, open_as: OpenAs
) -> None:
    page = open_as(owner)
    page.goto(f"/w/{line.workspace.slug}/data-export/")
    mark(page)
    line.sandbox.switch(known_keys=[NEW])
    line.feed(4)
    line.deliver()
    banner = page.locator(".banner")
    expect(banner).to_contain_text("4 events are waiting", timeout=15_000)
    banner.get_by_role("link", name="Show status").click()
    expect(page.get_by_role("heading", name="Segment rejected the write key")).to_be_visible()
    expect(banner).to_be_hidden()
    page.go_back()
    expect(banner).to_be_visible()
    lifecycle.rotate(line.connector, write_key=NEW, region="us", by=actor.By(owner))
    line.deliver()
    expect(banner).to_be_hidden(timeout=15_000)


def test_a_window_is_chosen_in_place_and_stays_chosen(line: Line, owner: User, open_as: OpenAs) -> None:
    line.feed(3)
    line.deliver()
    page = open_as(owner)
    page.goto(address(line))
    mark(page)
    page.get_by_role("navigation", name="Window").get_by_role("link", name="7 d").click()
    expect(page.get_by_text("Last 7 d.")).to_be_visible()
    assert page.url.endswith("?window=7d&sort=received")
    page.locator("#events-table summary").click()
    line.feed(2)
    line.deliver()
    expect(page.locator(".equation")).to_contain_text("5 accepted")
    expect(page.get_by_text("Last 7 d.")).to_be_visible()
    expect(page.locator("#events-table table")).to_be_visible()
    assert was_not_reloaded(page)


def test_windows_and_sorting_work_without_javascript(line: Line, owner: User, open_as: OpenAs) -> None:
    line.feed(3)
    line.deliver()
    page = open_as(owner, scripts=False)
    page.goto(address(line))
    page.get_by_role("navigation", name="Window").get_by_role("link", name="1 h").click()
    expect(page.get_by_text("Last 1 h.")).to_be_visible()
    page.get_by_role("link", name="Last seen").click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Last seen")
    expect(page.get_by_text("Last 1 h.")).to_be_visible()


def test_a_hidden_page_asks_nothing(line: Line, owner: User, open_as: OpenAs) -> None:
    page = open_as(owner)
    page.clock.install()
    page.goto(address(line))
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "() => Object.defineProperty(document, 'hidden', {get: () => !window.back, configurable: true})"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    line.feed(1)
    line.deliver()
    page.clock.run_for(60_000)
    assert asked == []
    page.evaluate("() => { window.back = true; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.locator(".equation")).to_contain_text("1 accepted")
