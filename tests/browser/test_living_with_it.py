"""A connector's later life in the browser: editing by two, pausing, deleting, watching."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from connectors.audit import actor
from connectors.models import Connector, User
from connectors.setup import lifecycle
from exporter.models import (
    Delivery,
    DeliveryCount,
    DeliveryHour,
    DeliveryTotal,
    EventLog,
    ReceivedCount,
    ReceivedTotal,
)
from tests.exporter.views.test_status import receive
from tests.support.people import EMAIL_EVENTS

OpenAs = Callable[..., Page]


def page_of(connector: Connector) -> str:
    return f"/w/harbour/data-export/{connector.pk}/"


def test_two_people_edit_at_once_and_nothing_is_lost(
    admin: User, marketer: User, connector: Connector, open_as: OpenAs
) -> None:
    page = open_as(marketer)
    page.goto(page_of(connector))
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Integration name").fill("My better name")
    page.locator('[value="users.messages.email.Send"]').check()
    expect(page.locator("[data-change]")).to_have_text(
        "1 added, Integration name changed; takes effect within seconds; the export does not stop"
    )
    theirs = lifecycle.Settings(connector.name, "team@example.com", EMAIL_EVENTS, include_anonymous=False)
    lifecycle.update(connector, theirs, seen_version=1, by=actor.By(admin))
    page.get_by_role("button", name="Update Current").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Maya Okafor changed this while you were editing: contact."
    )
    expect(page.get_by_label("Integration name")).to_have_value("My better name")
    expect(page.get_by_label("Contact email")).to_have_value("team@example.com")
    page.get_by_role("button", name="Update Current").click()
    expect(page.get_by_role("status")).to_contain_text("Updated: 1 event added, name changed.")
    connector.refresh_from_db()
    assert (connector.name, connector.contact_email) == ("My better name", "team@example.com")


def test_pause_and_resume_ask_in_a_dialog(marketer: User, connector: Connector, open_as: OpenAs) -> None:
    receive(connector, delivered=10, rejected=0, waiting=2)
    page = open_as(marketer)
    page.goto(page_of(connector))
    page.get_by_role("link", name="Pause").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("kept for 48 hours")
    dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Pause").click()
    dialog.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Paused by Jonas Lindqvist")).to_be_visible()
    page.get_by_role("link", name="Resume").first.click()
    expect(dialog).to_contain_text("2 events are waiting.")
    dialog.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()
    connector.refresh_from_db()
    assert connector.state == "live"


def test_deleting_asks_for_the_name(admin: User, connector: Connector, open_as: OpenAs) -> None:
    page = open_as(admin)
    page.goto(page_of(connector))
    page.get_by_label("More about").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type the name to confirm").fill("something else")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("That is not the name. Nothing was deleted.")).to_be_visible()
    page.get_by_label("Type the name to confirm").fill(connector.name)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("is deleted")
    assert not Connector.objects.exists()


def test_numbers_change_in_place_without_moving_anything(
    admin: User, connector: Connector, open_as: OpenAs
) -> None:
    receive(connector, delivered=1, rejected=0, waiting=0)
    page = open_as(admin)
    page.goto(page_of(connector))
    page.evaluate(
        """() => { window.shifts = 0; new PerformanceObserver((list) => list.getEntries().forEach(
            (entry) => { window.shifts += entry.value; })).observe({type: "layout-shift"}); }"""
    )
    edit = page.get_by_role("link", name="Edit")
    edit.focus()
    EventLog.objects.update(next_event=5)
    for received in (ReceivedTotal, ReceivedCount):
        received.objects.update(count=5)
    for settled in (DeliveryTotal, DeliveryCount, DeliveryHour):
        settled.objects.filter(outcome="delivered").update(count=5)
    Delivery.objects.update(cursor=5, settles=1)
    expect(page.locator(".stations dd").first).to_have_text("5")
    expect(edit).to_be_focused()
    assert page.evaluate("window.shifts") == 0


def test_a_lost_session_is_a_sentence_not_a_blank(admin: User, connector: Connector, open_as: OpenAs) -> None:
    page = open_as(admin)
    page.goto(page_of(connector))
    page.context.clear_cookies()
    expect(page.get_by_text("You are signed out; nothing was changed.")).to_be_visible()
    expect(page.get_by_role("heading", name=connector.name)).to_be_visible()


def test_a_connector_s_menu_is_worked_by_keyboard_alone(
    admin: User, connector: Connector, open_as: OpenAs
) -> None:
    page = open_as(admin)
    page.goto("/w/harbour/data-export/")
    page.get_by_label("More about").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Rotate write key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Rotate write key")).to_be_hidden()
    expect(page.get_by_label("More about")).to_be_focused()


def test_the_page_speaks_of_the_time_zone_of_the_browser(
    marketer: User, connector: Connector, open_as: OpenAs
) -> None:
    page = open_as(marketer, zone="Asia/Tokyo")
    page.goto(page_of(connector))
    page.reload()
    expect(page.get_by_text("Times are in Asia/Tokyo.")).to_be_visible()
