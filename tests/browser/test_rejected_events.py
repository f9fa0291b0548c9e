"""A rejected event is found, understood and sent again."""

from __future__ import annotations

from playwright.sync_api import expect

from connectors.models import User
from exporter.delivery.deliver import deliver
from exporter.models import Delivery
from tests.browser.test_going_bad import (
    OpenAs,
    address,
    line,
    owner,
)
from tests.support.delivering import Line

__all__ = ["line", "owner"]


def test_a_rejected_event_is_found_understood_and_retried(line: Line, owner: User, open_as: OpenAs) -> None:
    line.feed(4)
    line.sandbox.fail(status=400, match={"message_id": "event-2"})
    for _turn in range(8):
        line.make_due()
        line.deliver()
    page = open_as(owner)
    page.goto(address(line))

    page.get_by_role("link", name="Find an event").click()
    page.get_by_label("Exactly this value").fill("event-2")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".fate")).to_have_text("Rejected")
    expect(page.get_by_text("Segment answered 400")).to_be_visible()

    page.get_by_role("link", name="What to do about it").click()
    expect(page.get_by_text("Compare a sample with Segment’s answer")).to_be_visible()
    page.get_by_role("link", name="1 sample").click()
    expect(page.locator(".code-block")).to_contain_text("event-2")

    line.sandbox.heal()
    page.get_by_role("button", name="Retry all").click()
    expect(page.get_by_role("heading", name="Sending them again")).to_be_visible()
    deliver(Delivery.objects.get(kind="retry").pk)
    expect(page.get_by_role("heading", name="No event is rejected")).to_be_visible()
    expect(page.get_by_text("1 event was accepted by Segment")).to_be_visible()

    page.goto(address(line))
    expect(page.locator(".equation")).to_contain_text("4 accepted")
    expect(page.locator(".equation")).to_contain_text("0 rejected")
