"""Trouble is told on every page of its workspace, and whether anything arrives at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from connectors.models import Connector, Workspace
from exporter.dispatch.heartbeats import SILENT_SECONDS
from exporter.models import Delivery, EventLog, Heartbeat
from exporter.reports.health import Health
from exporter.views import banner
from tests.exporter.views.test_status import receive
from tests.support.people import launch
from tests.support.summaries import NOW, a_summary

pytestmark = pytest.mark.django_db
NOTHING_SENT = "Lifecycle events has delivered nothing since"


def reject_key(connector: Connector) -> None:
    receive(connector, delivered=10, rejected=0, waiting=12)
    Delivery.objects.filter(connector=connector).update(
        stopped="key_rejected", failing_since=datetime.now(UTC) - timedelta(hours=3)
    )


def test_trouble_is_told_on_every_page_of_its_workspace_but_its_own(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    reject_key(connector)
    client, own = as_("admin"), f"/w/harbour/data-export/{connector.pk}/"
    for path in ("/w/harbour/data-export/", f"{own}edit/", f"{own}write-key/", f"{own}delete/"):
        page = client.get(path).content.decode()
        assert NOTHING_SENT in page
        assert f'<a href="{own}">Show status</a>' in page
    assert NOTHING_SENT not in client.get(own).content.decode()


def test_trouble_of_one_workspace_is_not_told_in_another(
    as_: Callable[[str], Client], connector: Connector, people: dict[str, object]
) -> None:
    reject_key(connector)
    theirs = Workspace.objects.exclude(pk=connector.workspace_id).get()
    launch(theirs, "Another export")
    page = as_("stranger").get(f"/w/{theirs.slug}/data-export/").content.decode()
    assert NOTHING_SENT not in page


def test_a_queue_whose_worker_fell_silent_is_told_on_every_page(as_: Callable[[str], Client]) -> None:
    silent = "Nothing has been heard of it since"
    list_page, client = "/w/harbour/data-export/", as_("viewer")
    assert silent not in client.get(list_page).content.decode(), "one that never had any is no silence"
    now = datetime.now(UTC)
    for queue in ("delivery", "retry"):
        Heartbeat.objects.create(part=f"worker:{queue}", host="here", at=now, version="1")
    Heartbeat.objects.create(part="worker:delivery", host="gone", at=now - timedelta(hours=2), version="1")
    assert silent not in client.get(list_page).content.decode(), "another host serves the queue"
    gone = now - timedelta(seconds=SILENT_SECONDS + 1)
    Heartbeat.objects.filter(part="worker:delivery", host="here").update(at=gone)
    page = client.get(list_page).content.decode()
    assert silent in page
    assert "none is lost" not in page, "events that wait for too long expire"


def test_a_queue_that_is_served_no_more_since_an_update_is_not_missed(as_: Callable[[str], Client]) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=2)
    Heartbeat.objects.create(part="worker:former", host="here", at=long_ago, version="1")
    page = as_("viewer").get("/w/harbour/data-export/").content.decode()
    assert "Nothing has been heard of it since" not in page


def test_the_banner_goes_by_itself_when_the_trouble_is_over(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    reject_key(connector)
    client, path, htmx = as_("viewer"), "/w/harbour/banner/", {"HX-Request": "true"}
    told = client.get(path, {"here": "/w/harbour/data-export/"}, headers=htmx).content.decode()
    assert NOTHING_SENT in told
    stamp = told.split('name="stamp" value="')[1].split('"')[0]
    Delivery.objects.update(stopped="", failing_since=None)
    after = client.get(path, {"stamp": stamp}, headers=htmx)
    assert after.status_code == 200
    assert NOTHING_SENT not in after.content.decode()


def test_events_lost_a_moment_ago_are_told_on_every_page(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=1, rejected=0, waiting=0)
    Delivery.objects.update(expired_at=datetime.now(UTC))
    assert "Lifecycle events has lost" in as_("viewer").get("/w/harbour/data-export/").content.decode()
    Delivery.objects.update(expired_at=datetime.now(UTC) - timedelta(minutes=11))
    assert "Lifecycle events has lost" not in as_("viewer").get("/w/harbour/data-export/").content.decode()


def test_the_sidebar_tells_whether_intake_receives(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    client, path = as_("viewer"), "/w/harbour/data-export/"
    assert "no event so far" in client.get(path).content.decode()
    EventLog.objects.update(next_event=1, last_received_at=datetime.now(UTC))
    assert "Intake is receiving" in client.get(path).content.decode()
    EventLog.objects.update(last_received_at=datetime.now(UTC) - timedelta(hours=2))
    assert "Intake is quiet" in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("health", "known", "sentence"),
    [
        (Health.LOSING_EVENTS, {"lost": 2_118}, "Segment has lost 2,118 events so far."),
        (
            Health.KEY_REJECTED,
            {"failing_since": NOW - timedelta(hours=3), "pending": 7},
            "Segment has delivered nothing since 09:00. 7 events are waiting",
        ),
        (Health.KEY_UNREADABLE, {}, "Segment delivers nothing."),
    ],
)
def test_the_banner_tells_what_is_wrong_since_when(
    health: Health, known: dict[str, object], sentence: str
) -> None:
    assert banner.tell(a_summary(health, **known)).startswith(sentence)
