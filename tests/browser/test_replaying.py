"""What expired is counted, replayed and accepted; one event is sent again from where it was found."""

from __future__ import annotations

from playwright.sync_api import expect

from connectors.models import User
from exporter.delivery import expiry
from exporter.delivery.deliver import deliver
from exporter.models import Replay
from tests.browser.test_going_bad import (
    OpenAs,
    address,
    line,
    owner,
)
from tests.support.ageing import make_older, signed
from tests.support.delivering import Line

__all__ = ["line", "owner"]


def test_what_expired_is_replayed_and_accepted(line: Line, owner: User, open_as: OpenAs) -> None:
    line.sandbox.fail(status=503)
    line.feed(20)
    line.deliver()
    signed("sweep")
    make_older(line, hours=50)
    expiry.expire_due()
    line.sandbox.heal()
    page = open_as(owner)
    page.goto(address(line))

    expect(page.get_by_text("20 events expired; the first are still kept until")).to_be_visible()
    page.get_by_role("link", name="Replay…", exact=True).first.click()
    expect(page.get_by_label("Expired")).to_be_checked()
    expect(page.get_by_label("Rejected")).not_to_be_checked()
    page.get_by_role("button", name="Count the events").click()
    expect(page.get_by_role("heading", name="About 20 events would be replayed")).to_be_visible()
    page.get_by_role("button", name="Begin replay").click()
    expect(page.get_by_text("Running")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Running")).to_be_visible()
    deliver(Replay.objects.get().delivery_id)
    expect(page.get_by_text("20 of about 20")).to_be_visible()

    # They were made to look older than the window of a day.
    page.goto(f"{address(line)}?window=all")
    expect(page.locator(".equation")).to_contain_text("20 accepted")
    expect(page.locator(".equation")).to_contain_text("0 expired")
    page.get_by_role("link", name="Find an event").click()
    page.get_by_label("Exactly this value").fill("event-3")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".fate")).to_have_text("Accepted by Segment")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("0 of about 1")).to_be_visible()
