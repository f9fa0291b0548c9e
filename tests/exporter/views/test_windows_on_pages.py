"""Windows, charts and the table by type: they add up, say what they compare, and work as plain links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from connectors.models import Connector
from exporter.display import status_page, type_table
from exporter.models import (
    AttemptCount,
    Delivery,
    DeliveryCount,
    DeliveryHour,
    DeliveryTotal,
    EventBatch,
    EventLog,
    ReceivedCount,
    ReceivedTotal,
)
from exporter.reports import balance
from exporter.reports.summary import summary
from exporter.reports.time_series import cell_kind
from tests.exporter.views.test_status import OPEN, receive
from tests.support.factories import AttemptFactory

pytestmark = pytest.mark.django_db
CLICK = "users.messages.email.Click"
HTMX = {"HX-Request": "true"}


def add_yesterday(connector: Connector, event_type: str, count: int, hours: int) -> None:
    """Events that came in and were delivered so many hours ago."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    delivery = Delivery.objects.get(connector=connector)
    Connector.objects.filter(pk=connector.pk).update(created_at=hour - timedelta(days=1))
    EventLog.objects.update(next_event=delivery.cursor + count)
    Delivery.objects.update(cursor=delivery.cursor + count)
    ReceivedCount.objects.create(
        workspace=connector.workspace, minute=hour, event_type=event_type, count=count
    )
    ReceivedTotal.objects.create(
        workspace=connector.workspace, event_type=event_type, count=count, last_received_at=hour
    )
    counted = {"delivery": delivery, "outcome": "delivered", "count": count}
    DeliveryTotal.objects.create(**counted, event_type=event_type)
    DeliveryCount.objects.create(**counted, event_type=event_type, minute=hour)
    DeliveryHour.objects.create(**counted, hour=hour)


def equation(page: str) -> list[int]:
    text = re.sub(r"<[^>]+>|\s+", " ", page.split('class="equation">')[1].split("</p>")[0])
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)]


def test_every_window_balances_and_holds_what_came_in_within_it(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=2, waiting=0)
    add_yesterday(connector, CLICK, 1_000, hours=30)
    client, path = as_("viewer"), f"/w/harbour/data-export/{connector.pk}/"
    for window, received in (("1h", 42), ("24h", 42), ("7d", 1_042), ("all", 1_042)):
        page = client.get(path, {"window": window}).content.decode()
        numbers = equation(page)
        assert numbers[0] == received == sum(numbers[1:]), window
        assert "Balances" in page
    assert equation(client.get(path, {"window": "nonsense"}).content.decode())[0] == 42


def test_a_change_names_the_window_it_is_measured_against(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=0, waiting=0)
    add_yesterday(connector, CLICK, 1_000, hours=30)
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/", {"window": "24h"}).content.decode()
    assert re.search(r"9\d\.\d% fewer than in the 24 h before", page)


def test_the_table_is_sorted_by_the_column_that_was_asked_for(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=2, waiting=0)
    add_yesterday(connector, CLICK, 1_000, hours=3)
    client, path = as_("viewer"), f"/w/harbour/data-export/{connector.pk}/"

    def order(sort: str) -> list[str]:
        page = client.get(path, {"window": "7d", "sort": sort}).content.decode()
        return re.findall(r'<th scope="row"><a class="plain-link"[^>]*>([^<]+)', page)

    assert order("received") == ["Email Link Clicked", "Email Opened"]
    assert order("rejected") == ["Email Opened", "Email Link Clicked"]
    assert order("last") == ["Email Opened", "Email Link Clicked"]
    assert order("name") == ["Email Link Clicked", "Email Opened"]


def test_a_refresh_keeps_what_the_reader_chose(as_: Callable[[str], Client], connector: Connector) -> None:
    receive(connector, delivered=40, rejected=2, waiting=0)
    client, path = as_("viewer"), f"/w/harbour/data-export/{connector.pk}/"
    part = client.get(path, {"window": "1h", "sort": "last"}, headers=HTMX).content.decode()
    state = dict(re.findall(r'<input type="hidden" name="(stamp|window|sort)" value="([^"]*)"', part))
    assert (state["window"], state["sort"]) == ("1h", "last")
    again = client.get(path, state | {"window": "7d"}, headers=HTMX)
    assert again.status_code == 200
    assert 'value="7d"' in again.content.decode()


def test_every_chart_has_a_title_a_description_and_its_numbers_as_a_table(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=2, waiting=5)
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    chart = page.split('<svg class="plot events"')[1].split("</svg>")[0]
    assert "<title" in chart
    assert "40 events accepted by Segment, 2 not delivered, 5 waiting." in chart
    table = page.split('id="events-table"')[1].split("</details>")[0]
    cells = re.findall(r"<td[^>]*>([^<]+)", table)
    # An hour may have begun meanwhile.
    assert ["40", "2", "0", "0", "5"] in (cells[:5], cells[5:10])


def test_what_waits_never_stands_on_what_was_accepted(connector: Connector) -> None:
    receive(connector, delivered=40, rejected=2, waiting=5)
    gathered = status_page.gather(connector, balance.USUAL, type_table.RECEIVED, all_types=False)
    figure = gathered["events_figure"]
    bars = {bar.name: bar for bar in figure.chart.bars}
    floor = figure.chart.frame.floor
    assert bars["waiting"].y + bars["waiting"].height == pytest.approx(floor, abs=0.2)
    assert bars["waiting"].x >= bars["delivered"].x + bars["delivered"].width - 0.2


def test_a_type_that_is_selected_and_silent_is_marked_even_where_none_came(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=0, waiting=0)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for back in range(30, 60):
        ReceivedCount.objects.create(
            workspace=connector.workspace, minute=hour - timedelta(hours=back), event_type=CLICK, count=1
        )
    ReceivedTotal.objects.create(
        workspace=connector.workspace,
        event_type=CLICK,
        count=30,
        last_received_at=hour - timedelta(hours=30),
    )
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    row = page.split("Email Link Clicked")[1].split("</tr>")[0]
    assert "Silent" in row
    assert "Silent" not in page.split("Email Opened")[1].split("</tr>")[0]


def test_two_hours_are_told_by_their_answers() -> None:
    assert cell_kind(Counter()) == "none"
    assert cell_kind(Counter({"200": 900, "400": 3, "413": 1})) == "ok"
    assert cell_kind(Counter({"200": 900, "429": 1})) == "ok"
    assert cell_kind(Counter({"200": 90, "503": 30})) == "warn"
    assert cell_kind(Counter({"none": 3})) == "warn"
    assert cell_kind(Counter({"200": 900, "401": 1})) == "bad"


def test_the_strip_tells_trouble_in_words_too(as_: Callable[[str], Client], connector: Connector) -> None:
    delivery = receive(connector, delivered=40, rejected=0, waiting=0)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for back, answer in ((0, "200"), (50, "401")):
        AttemptCount.objects.create(
            delivery=delivery, minute=hour - timedelta(hours=back), answer=answer, count=9
        )
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    assert "In the last 7 days, requests failed in 1 two-hour span" in page


def test_a_connector_that_catches_up_says_how_long_it_will_take(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    delivery = receive(connector, delivered=40, rejected=0, waiting=6_000)
    now = datetime.now(UTC)
    EventBatch.objects.update(received_at=now - timedelta(minutes=9))
    for seconds, last in ((1, 2_999), (3, 2_000), (5, 1_000)):
        AttemptFactory.create(delivery=delivery, at=now - timedelta(seconds=seconds), last_event=last)
    assert summary(connector).health == "catching_up"
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    assert "Catching up; about 12 s left." in page


def test_the_ledger_is_explained_with_this_connectors_own_numbers(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=40, rejected=2, waiting=5)
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/why/").content.decode()
    assert re.search(r"<b>47</b> received</span> =\s+<span><b>42</b>", page)
    assert "Balances" in page
    EventLog.objects.update(next_event=50)
    ReceivedTotal.objects.filter(event_type=OPEN).update(count=50)
    DeliveryTotal.objects.filter(outcome="delivered").update(count=30)
    assert "Off by 10" in as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/why/").content.decode()


def test_ten_event_types_are_shown_and_the_others_on_demand_and_stay(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    names = [f"custom.event.{number}" for number in range(13)]
    ReceivedTotal.objects.bulk_create(
        ReceivedTotal(
            workspace=connector.workspace, event_type=name, count=1, last_received_at=datetime.now(UTC)
        )
        for name in names
    )
    EventLog.objects.update(next_event=13)
    client, path = as_("viewer"), f"/w/harbour/data-export/{connector.pk}/"
    asked = {"window": "all", "sort": "name"}
    few = client.get(path, asked).content.decode()
    assert [name in few for name in sorted(names)] == [True] * 10 + [False] * 3
    assert "3 more event types" in few
    assert "?window=all&amp;sort=name&amp;types=all" in few
    for headers in ({}, HTMX):
        every = client.get(path, asked | {"types": "all"}, headers=headers).content.decode()
        assert all(name in every for name in names)
        assert '<input type="hidden" name="types" value="all">' in every
        assert "Fewer event types" in every
