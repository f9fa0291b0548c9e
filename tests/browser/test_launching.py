"""From the first sign-in to a launched connector, with and without JavaScript; the event picker on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from connectors.models import Connector, User

OpenAs = Callable[..., Page]
CREATE = "/w/harbour/data-export/new/segment/"


def fill_in(page: Page, *, name: str = "Lifecycle events") -> None:
    page.get_by_label("Integration name").fill(name)
    page.get_by_label("Contact email").fill("data@example.com")
    page.locator("[name=write_key]").fill("k" * 32)
    page.get_by_label("European Union").check()


def test_a_newcomer_signs_in_is_taught_and_launches(marketer: User, open_as: OpenAs) -> None:
    page = open_as(None)
    page.goto("/w/harbour/data-export/")
    page.get_by_label("Email").fill(marketer.email)
    page.get_by_label("Password").fill("a long enough phrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Send this workspace’s Braze events to Segment")).to_be_visible()
    page.get_by_role("link", name="Create New Current").click()
    fill_in(page)
    page.get_by_role("button", name="Message engagement only").click()
    expect(page.get_by_text("51 of 101")).to_be_visible()
    page.get_by_role("button", name="Launch Current").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    connector = Connector.objects.get()
    assert page.url.endswith(f"/w/harbour/data-export/{connector.pk}/")
    assert len(connector.selected_events) == 51


def test_the_form_works_without_javascript(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer, scripts=False)
    page.goto(CREATE)
    fill_in(page)
    page.get_by_label("Contact email").fill("one@example.com, two@example.com")
    page.locator('[value="users.messages.email.Open"]').check()
    page.get_by_role("button", name="Launch Current").click()
    expect(page.locator("#remarks-contact_email")).to_contain_text("That is two addresses.")
    expect(page.get_by_label("Integration name")).to_have_value("Lifecycle events")
    expect(page.locator('[value="users.messages.email.Open"]')).to_be_checked()
    page.get_by_label("Contact email").fill("one@example.com")
    page.locator("[name=write_key]").fill("k" * 32)
    page.get_by_role("button", name="Launch Current").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    assert Connector.objects.get().selected_events == ["users.messages.email.Open"]


def test_leaving_a_field_says_what_is_wrong_and_the_footer_leads_there(
    marketer: User, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    fill_in(page)
    page.get_by_label("Contact email").fill("a@example.com; b@example.com")
    page.locator("[name=write_key]").fill("k" * 31)
    page.locator("[name=write_key]").blur()
    expect(page.locator("#remarks-contact_email")).to_contain_text("That is two addresses.")
    expect(page.locator("#remarks-write_key")).to_contain_text("31 characters")
    page.get_by_role("button", name="All 55 of the reference page").click()
    expect(page.locator("[data-left]")).to_have_text("1 thing to fix:Contact email")
    page.locator("[data-left] a").click()
    expect(page.get_by_label("Contact email")).to_be_focused()


def test_a_second_connector_is_not_offered_and_the_first_one_named(
    marketer: User, connector: Connector, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto("/w/harbour/data-export/")
    page.get_by_text("Create New Current").click()
    expect(page.locator(".choice.taken")).to_contain_text("Here it is Lifecycle events")
    page.goto(CREATE)
    expect(page.get_by_role("heading", name="Lifecycle events")).to_be_visible()
    expect(page.get_by_role("button", name="Launch Current")).to_have_count(0)
    page.get_by_role("link", name="Show status").click()
    expect(page.get_by_role("heading", name="Lifecycle events")).to_be_visible()


def test_the_picker_counts_in_three_states(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    groups = page.locator(".picker-groups")
    groups.get_by_label("Messages: Email", exact=True).check()
    expect(page.locator("[data-chosen]")).to_have_text("9 of 101")
    expect(groups.locator("[data-tally=page-messages] .tally")).to_have_text("9/41")
    assert groups.get_by_label("Messages", exact=True).evaluate("box => box.indeterminate")
    assert groups.get_by_label("Reference page", exact=True).evaluate("box => box.indeterminate")
    page.locator('[value="users.messages.email.Open"]').uncheck()
    assert groups.get_by_label("Messages: Email", exact=True).evaluate("box => box.indeterminate")
    groups.get_by_label("Reference page", exact=True).check()
    expect(page.locator("[data-chosen]")).to_have_text("55 of 101")
    groups.get_by_label("More events: Messages: Banner").check()
    expect(page.locator("[data-chosen]")).to_have_text("59 of 101")
    assert groups.get_by_label("More events", exact=True).evaluate("box => box.indeterminate")
    page.get_by_role("button", name="All 55 of the reference page").click()
    expect(page.locator("[data-chosen]")).to_have_text("55 of 101")
    page.get_by_role("button", name="All 101, newer ones too").click()
    expect(page.locator("[data-chosen]")).to_have_text("101 of 101")
    page.get_by_role("button", name="None").click()
    expect(page.locator("[data-chosen]")).to_have_text("0 of 101")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("email open", "users.messages.email.Open"),
        ("Email Link Clicked", "users.messages.email.Click"),
        ("canvas.exit.Matched", "users.canvas.exit.MatchedAudience"),
        ("is_suspected_bot_click_reason", None),
        ("users_canvas_abort", "users.canvas.Abort"),
    ],
)
def test_the_picker_is_searched_by_name_segment_event_type_and_property(
    typed: str, found: str | None, marketer: User, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    page.keyboard.press("/")
    page.keyboard.type(typed)
    if found is None:
        expect(page.get_by_text("No event matches that in its name")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".event:visible")).to_have_count(101)
        return
    expect(page.get_by_text("No event matches that in its name")).to_be_hidden()
    expect(page.locator(f'[value="{found}"]')).to_be_visible()
    assert page.locator(".event:visible").count() < 5


def test_the_picker_is_worked_by_keyboard_alone(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    page.keyboard.press("/")
    page.keyboard.type("email click")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(page.locator('[value="users.messages.email.Click"]')).to_be_checked()
    row = page.locator('.event:has([value="users.messages.email.Click"])')
    expect(row.get_by_text("context.traits.email")).to_be_visible()
    expect(row.get_by_text("Personal data").first).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(row.get_by_text("context.traits.email")).to_be_hidden()
