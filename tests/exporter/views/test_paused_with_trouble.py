"""A connector that is paused tries nothing, whatever else is wrong: no page promises a try, and no button pretends
one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from connectors.models import AuditEntry, Role
from connectors.setup import lifecycle
from exporter.actions import replays, retries
from exporter.models import Delivery
from tests.exporter.views.test_attempts import base, somebody
from tests.exporter.views.test_rejected import with_one_rejected
from tests.support.delivering import NOBODY, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)
GOES_ON = "The connector is paused; this goes on once it is resumed."


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


def said(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def stop_and_pause(line: Line) -> Client:
    line.feed(2)
    line.sandbox.fail(status=401)
    line.deliver()
    lifecycle.pause(line.connector, by=NOBODY)
    return somebody(line.workspace, Role.MARKETER)


def test_a_stopped_connector_that_is_paused_offers_no_try(line: Line) -> None:
    marketer = stop_and_pause(line)
    page = said(marketer, base(line))
    assert "The connector is paused, too: nothing is tried before it is resumed." in page
    assert "Try again now" not in page
    assert "every 5 minutes" not in page
    tried = marketer.post(f"{base(line)}try-now/", follow=True).content.decode()
    assert "The connector is paused, so nothing is tried. Resume it first." in tried
    assert "Trying now" not in tried
    assert not AuditEntry.objects.filter(action="connector.tried_now").exists()


def test_resuming_a_stopped_connector_does_not_promise_that_all_is_sent(line: Line) -> None:
    marketer = stop_and_pause(line)
    asked = said(marketer, f"{base(line)}resume/")
    assert "2 events are waiting. Delivery had stopped before the pause;" in asked
    assert "sent at once" not in asked
    resumed = marketer.post(f"{base(line)}resume/", follow=True).content.decode()
    assert "Resumed. What had stopped delivery before is tried again now." in resumed


def test_a_pause_alone_is_resumed_as_ever(line: Line) -> None:
    line.feed(2)
    lifecycle.pause(line.connector, by=NOBODY)
    marketer = somebody(line.workspace, Role.MARKETER)
    assert "They will be sent at once, oldest first." in said(marketer, f"{base(line)}resume/")
    resumed = marketer.post(f"{base(line)}resume/", follow=True).content.decode()
    assert "Resumed. What waited goes out first." in resumed


def test_a_retry_says_why_it_stands_still(line: Line) -> None:
    with_one_rejected(line)
    marketer = somebody(line.workspace, Role.MARKETER)
    retries.retry_all(line.connector, NOBODY)
    assert GOES_ON not in said(marketer, f"{base(line)}rejected/")
    lifecycle.pause(line.connector, by=NOBODY)
    assert GOES_ON in said(marketer, f"{base(line)}rejected/")


def test_a_replay_says_why_it_stands_still_and_claims_no_speed(line: Line) -> None:
    line.feed(3)
    line.deliver()
    marketer = somebody(line.workspace, Role.MARKETER)
    made = replays.send_again(line.connector, 1, NOBODY)
    path = f"{base(line)}replays/{made.pk}/"
    assert "Receipt of the events being sent" in said(marketer, path)
    lifecycle.pause(line.connector, by=NOBODY)
    held = said(marketer, path)
    assert GOES_ON in held
    assert "Receipt of the events being sent" not in held
    assert "events/s" not in held


def test_a_paused_replay_does_not_say_that_it_goes_on_by_itself(line: Line) -> None:
    line.feed(3)
    line.deliver()
    marketer = somebody(line.workspace, Role.MARKETER)
    made = replays.send_again(line.connector, 1, NOBODY)
    Delivery.objects.filter(pk=made.delivery_id).update(failing_since=made.created_at)
    path = f"{base(line)}replays/{made.pk}/"
    assert "it continues automatically" in said(marketer, path)
    replays.pause(made, NOBODY)
    page = said(marketer, path)
    assert "it continues automatically" not in page
    assert "Receipt of the events being sent" not in page


def test_a_rejected_key_is_not_called_verified_while_events_are_lost(line: Line) -> None:
    marketer = stop_and_pause(line)
    key = line.connector.write_keys.get()
    line.connector.write_keys.update(verified_at=key.created_at)
    delivery = line.delivery
    Delivery.objects.filter(pk=delivery.pk).update(expired_at=delivery.failing_since)
    page = said(marketer, base(line))
    assert "Losing events" in page
    settings = page.partition('<section class="card settings">')[2].partition("</section>")[0]
    assert "Rejected" in settings
    assert "Verified" not in settings
