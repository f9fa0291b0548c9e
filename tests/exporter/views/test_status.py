"""The pages about delivery: numbers that add up, few queries, quiet refreshing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import zstandard
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Membership, User, Workspace
from exporter.models import (
    Delivery,
    DeliveryCount,
    DeliveryHour,
    DeliveryTotal,
    EventBatch,
    EventLog,
    ReceivedCount,
    ReceivedTotal,
)
from tests.support.factories import WorkspaceFactory, event
from tests.support.people import launch

pytestmark = pytest.mark.django_db
OPEN = "users.messages.email.Open"
LANGUAGES = ("en", "ja")
PAGES = (
    "?window=1h",
    "?window=all&sort=name",
    "edit/",
    "write-key/",
    "delete/",
    "why/",
    "attempts/",
    "rejected/",
    "find/",
    "find/?by=event&value=event-1",
    "find/?by=external&value=customer-1",
)


def receive(connector: Connector, *, delivered: int, rejected: int, waiting: int) -> Delivery:
    """Plants a ledger that balances."""
    now = datetime.now(UTC)
    received = delivered + rejected + waiting
    EventLog.objects.filter(workspace=connector.workspace).update(next_event=received)
    of_workspace = {"workspace": connector.workspace, "event_type": OPEN, "count": received}
    ReceivedTotal.objects.create(**of_workspace, last_received_at=now)
    minute, hour = now.replace(second=0, microsecond=0), now.replace(minute=0, second=0, microsecond=0)
    ReceivedCount.objects.create(**of_workspace, minute=minute)
    delivery = Delivery.objects.get(connector=connector)
    for outcome, count in (("delivered", delivered), ("rejected", rejected)):
        counted = {"delivery": delivery, "outcome": outcome, "count": count}
        DeliveryTotal.objects.create(**counted, event_type=OPEN)
        DeliveryCount.objects.create(**counted, event_type=OPEN, minute=minute)
        DeliveryHour.objects.create(**counted, hour=hour)
    if waiting:
        EventBatch.objects.create(
            workspace=connector.workspace,
            first_event=received - waiting,
            end_event=received,
            received_at=now,
            type_counts={},
            id_hashes=b"",
            payload=zstandard.compress(
                b"\n".join(
                    json.dumps(event(number)).encode() for number in range(received - waiting, received)
                )
            ),
        )
    Delivery.objects.filter(pk=delivery.pk).update(cursor=received - waiting, moved_at=now)
    return delivery


def test_the_status_page_shows_a_ledger_that_balances(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=1200, rejected=6, waiting=3)
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    equation = re.sub(r"<[^>]+>|\s+", " ", page.split('class="equation">')[1].split("</p>")[0])
    assert [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", equation)] == [
        1209,
        1200,
        0,
        0,
        0,
        0,
        0,
        6,
        0,
        3,
    ]
    assert "Balances" in equation
    assert "Email Opened" in page
    assert "Delivering" in page


def test_the_legend_names_what_the_chart_draws_and_by_the_word_of_the_numbers(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    """No rows tell the rejected ones apart here, as once the log has gone on."""
    receive(connector, delivered=10, rejected=6, waiting=0)

    def legend() -> list[str]:
        page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/?window=all").content.decode()
        part = page.partition('<ul class="legend">')[2].partition("</ul>")[0]
        return re.findall(r"swatch[^>]*></span>\s*([^<]+?)\s*</li>", part)

    assert legend() == ["accepted by Segment", "rejected, or could not be sent"]
    long_ago = DeliveryHour.objects.get(outcome="rejected").hour - timedelta(days=9)
    DeliveryHour.objects.filter(outcome="rejected").update(hour=long_ago)
    assert legend() == ["accepted by Segment"], "the chart since launch is of the last seven days"


def test_a_rejected_key_says_what_happened_what_it_means_and_what_to_do(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    delivery = receive(connector, delivered=10, rejected=0, waiting=12_440)
    since = datetime.now(UTC) - timedelta(hours=3)
    Delivery.objects.filter(pk=delivery.pk).update(stopped="key_rejected", failing_since=since)
    connector.write_keys.update(activated_at=since, rejected_at=since)
    page = as_("admin").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    last4 = connector.write_keys.get().last4
    assert (
        f"Segment rejected the write key ••••{last4} 3 h ago. 12,440 events are waiting; "
        "the first will be lost on" in page
    )
    assert "Nothing has been lost so far." in page
    assert f'href="/w/harbour/data-export/{connector.pk}/write-key/"' in page
    assert "Try again now" in page


def test_refreshing_answers_nothing_while_nothing_changed(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    client, path = as_("viewer"), f"/w/harbour/data-export/{connector.pk}/"
    first = client.get(path, headers={"HX-Request": "true"})
    assert "<html" not in first.content.decode()
    stamp = first.content.decode().split('name="stamp" value="')[1].split('"')[0]
    counted = stamp.rpartition(".")[0]
    receive(connector, delivered=1, rejected=0, waiting=0)
    changed = client.get(path, {"stamp": stamp}, headers={"HX-Request": "true"}).content.decode()
    fresh = changed.split('name="stamp" value="')[1].split('"')[0]
    assert fresh.rpartition(".")[0] != counted


def test_the_list_answers_nothing_while_nothing_changed(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    client, path = as_("viewer"), "/w/harbour/data-export/"
    stamp = client.get(path).content.decode().split('name="stamp" value="')[1].split('"')[0]
    assert client.get(path, {"stamp": stamp}, headers={"HX-Request": "true"}).status_code == 204
    assert client.get(path, {"stamp": "old"}, headers={"HX-Request": "true"}).status_code == 200


def test_a_workspace_without_a_connector_is_taught(
    as_: Callable[[str], Client], workspace: Workspace
) -> None:
    page = as_("marketer").get("/w/harbour/data-export/").content.decode()
    assert "Let Braze send here" in page
    assert "What you need of Segment" in page
    assert "/w/harbour/data-export/new/segment/" in page


@pytest.mark.parametrize("rows", [1, 100])
def test_no_page_asks_more_than_twelve_questions(
    rows: int,
    as_: Callable[[str], Client],
    people: dict[str, User],
    connector: Connector,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(rows - 1):
        workspace = WorkspaceFactory.create(name=f"Client {number}")
        Membership.objects.create(workspace=workspace, user=people["admin"], role="admin")
        launch(workspace, f"Export {number}")
    client = as_("admin")
    base = f"/w/harbour/data-export/{connector.pk}/"
    paths = [
        "/",
        "/w/harbour/data-export/",
        base,
        *(base + end for end in PAGES),
        "/w/harbour/data-export/refused/",
    ]
    for path, language in product(paths, LANGUAGES):
        with django_assert_max_num_queries(12):
            assert client.get(path, headers={"accept-language": language}).status_code == 200
    receive(connector, delivered=10, rejected=1, waiting=5)
    Delivery.objects.filter(connector=connector).update(
        stopped="key_rejected", failing_since=datetime.now(UTC) - timedelta(hours=1)
    )
    for path, language in product(paths, LANGUAGES):
        with django_assert_max_num_queries(12):
            assert client.get(path, headers={"accept-language": language}).status_code == 200


def test_all_workspaces_show_trouble_first_and_only_ones_own(
    as_: Callable[[str], Client], people: dict[str, User], connector: Connector
) -> None:
    launch(WorkspaceFactory.create(), "Somebody else’s")
    troubled = WorkspaceFactory.create(name="Zebra Ltd")
    Membership.objects.create(workspace=troubled, user=people["viewer"], role="viewer")
    broken = launch(troubled, "Broken export")
    Delivery.objects.filter(connector=broken).update(stopped="key_rejected", failing_since=datetime.now(UTC))
    page = as_("viewer").get("/").content.decode()
    assert page.index("Broken export") < page.index("Lifecycle events")
    assert "Somebody else’s" not in page
    found = as_("viewer").get("/", {"q": "zebra"}).content.decode()
    assert "Broken export" in found
    assert "Lifecycle events" not in found
    assert "Nothing matches" in as_("viewer").get("/", {"health": "paused"}).content.decode()


def test_names_people_typed_are_never_markup(as_: Callable[[str], Client], workspace: Workspace) -> None:
    made = launch(workspace, '<img src=x onerror="alert(1)">')
    for path in ("/", "/w/harbour/data-export/", f"/w/harbour/data-export/{made.pk}/"):
        page = as_("viewer").get(path).content.decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_no_page_carries_inline_script_or_style(as_: Callable[[str], Client], connector: Connector) -> None:
    base = f"/w/harbour/data-export/{connector.pk}/"
    receive(connector, delivered=10, rejected=1, waiting=0)
    for path in ("/", "/w/harbour/data-export/", base, *(base + end for end in PAGES)):
        answer = as_("admin").get(path)
        page = answer.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
        assert "script-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("end", ["", "?window=all", "attempts/", "why/", "delete/", "by-type.csv"])
def test_a_connector_deleted_in_the_middle_of_a_page_is_not_found(
    end: str, as_: Callable[[str], Client], connector: Connector
) -> None:
    Delivery.objects.filter(connector=connector).delete()
    assert as_("admin").get(f"/w/harbour/data-export/{connector.pk}/{end}").status_code == 404
