"""A long form loses nothing that was typed: refused, left, or signed out in the middle; and never keeps a key."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.sessions.models import Session
from playwright.sync_api import Dialog, Page, expect

from connectors.models import Connector, User

OpenAs = Callable[..., Page]
CREATE = "/w/harbour/data-export/new/segment/"
KEY = "k" * 28 + "kept"
OPEN = '[value="users.messages.email.Open"]'


def fill_in(page: Page) -> None:
    page.get_by_label("Integration name").fill("Half a form")
    page.locator("[name=write_key]").fill(KEY)
    page.get_by_label("European Union").check()
    page.locator(OPEN).check()


def stored(page: Page) -> str:
    kept: str = page.evaluate("JSON.stringify(Object.assign({}, sessionStorage))")
    return kept


def test_what_was_refused_is_told_where_people_are_and_goes_as_it_is_mended(
    marketer: User, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    page.get_by_label("Integration name").fill("")
    page.get_by_role("button", name="Launch Current").click()
    left = page.locator("[data-left]")
    expect(left).to_be_focused()
    expect(left).to_contain_text("4 things to fix:")
    assert page.title().startswith("Not launched")
    page.get_by_label("European Union").check()
    expect(page.locator("#remarks-region .bad")).to_have_count(0)
    page.locator(OPEN).check()
    expect(page.locator("#remarks-selected_events .bad")).to_have_count(0)
    expect(left).to_contain_text("2 things to fix:")
    page.locator("[name=write_key]").fill(KEY)
    page.get_by_label("Integration name").fill("Named")
    page.get_by_label("Integration name").blur()
    expect(left).to_be_empty()
    expect(page.locator(".message.bad")).to_have_count(0)
    page.get_by_role("button", name="Launch Current").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()


def test_who_is_signed_out_in_the_middle_finds_the_edits_again_but_no_key(
    marketer: User, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    fill_in(page)
    Session.objects.all().delete()
    page.get_by_role("button", name="Launch Current").click()
    page.get_by_label("Email").fill(marketer.email)
    page.get_by_label("Password").fill("a long enough phrase")
    assert KEY not in stored(page)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Your edits are here again.")).to_be_visible()
    expect(page.get_by_label("Integration name")).to_have_value("Half a form")
    expect(page.locator(OPEN)).to_be_checked()
    expect(page.locator("[data-chosen]")).to_have_text("1 of 101")
    expect(page.locator("[name=write_key]")).to_have_value("")
    page.locator("[name=write_key]").fill(KEY)
    page.get_by_role("button", name="Launch Current").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    assert "draft:" not in stored(page)
    page.go_back()
    expect(page.get_by_role("button", name="Launch Current")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit", exact=True)).to_be_visible()


def test_a_key_that_is_shown_is_not_kept_either(marketer: User, open_as: OpenAs) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    fill_in(page)
    page.get_by_role("button", name="Show").click()
    page.locator("[name=write_key]").fill(KEY)
    page.get_by_label("Integration name").fill("Another name")
    assert "Another name" in stored(page)
    assert KEY not in stored(page)


def test_leaving_an_edited_form_is_asked_about_and_the_edits_can_be_discarded(
    marketer: User, connector: Connector, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    edit = f"/w/harbour/data-export/{connector.pk}/edit/"
    asked: list[str] = []

    def accept(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    page.goto(edit)
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    assert asked == []
    page.goto(edit)
    page.get_by_label("Integration name").fill("Something else")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="Waiting for the first event.")).to_be_visible()
    assert asked == ["beforeunload"]
    page.goto(edit)
    expect(page.get_by_label("Integration name")).to_have_value("Something else")
    page.get_by_role("button", name="Discard them").click()
    expect(page.get_by_label("Integration name")).to_have_value(connector.name)
    expect(page.get_by_text("Your edits are here again.")).to_be_hidden()


def test_another_person_in_the_same_tab_does_not_see_them(
    admin: User, marketer: User, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(CREATE)
    fill_in(page)
    assert "Half a form" in stored(page)
    Session.objects.all().delete()
    page.goto(CREATE)
    page.get_by_label("Email").fill(admin.email)
    page.get_by_label("Password").fill("a long enough phrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Integration name")).to_have_value("Harbour & Pine to Segment")
    assert "Half a form" not in stored(page)
