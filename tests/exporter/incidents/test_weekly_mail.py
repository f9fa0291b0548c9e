"""The weekly mail: to who asked, once, after a week without trouble; it tells which event types are new or stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from connectors.models import Connector
from exporter.incidents.weekly_mail import mail_due, week_end
from exporter.models import Cause, DeliveryCount, Incident, ReceivedCount, ReceivedTotal, SeenType
from tests.support.factories import ConnectorFactory, DeliveryFactory

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MORNING = MONDAY + timedelta(hours=7)
OPEN, CLICK, BANNER = (f"users.messages.{name}" for name in ("email.Open", "email.Click", "banner.Click"))
TOMORROW = "users.somewhere.New"


@pytest.fixture
def connector() -> Connector:
    made = ConnectorFactory.create(name="Lifecycle", weekly_mail=True, created_at=MONDAY - timedelta(days=30))
    delivery = DeliveryFactory.create(connector=made)
    for day, outcome, count in (
        (1, "delivered", 1200),
        (7, "delivered", 34),
        (2, "rejected", 1),
        (8, "delivered", 9),
    ):
        at = MONDAY - timedelta(days=day)
        DeliveryCount.objects.create(
            delivery=delivery, minute=at, event_type=OPEN, outcome=outcome, count=count
        )
    return made


def came(connector: Connector, event_type: str, *, first: timedelta, last: timedelta) -> None:
    """As if it had come every hour from `first` to `last` before that Monday."""
    workspace = connector.workspace
    hours = range(int(last.total_seconds() // 3600), int(first.total_seconds() // 3600))
    ReceivedCount.objects.bulk_create(
        ReceivedCount(
            workspace=workspace, minute=MONDAY - timedelta(hours=hour), event_type=event_type, count=1
        )
        for hour in hours
    )
    ReceivedTotal.objects.create(
        workspace=workspace, event_type=event_type, count=len(hours), last_received_at=MONDAY - last
    )
    SeenType.objects.create(
        workspace=workspace, event_type=event_type, first_seen_at=MONDAY - first, last_seen_at=MONDAY - last
    )


def text() -> str:
    return " ".join(str(mail.outbox[-1].body).split())


def test_whoever_asked_is_told_once_what_the_week_brought(connector: Connector) -> None:
    came(connector, OPEN, first=timedelta(days=20), last=timedelta(minutes=5))
    came(connector, CLICK, first=timedelta(days=20), last=timedelta(days=3))
    came(connector, BANNER, first=timedelta(days=2), last=timedelta(minutes=5))
    came(connector, TOMORROW, first=timedelta(days=1), last=timedelta(hours=1))
    assert [mail_due(MORNING), mail_due(MORNING + timedelta(hours=3))] == [1, 0]
    assert mail.outbox[0].subject == "Lifecycle: a week without trouble"
    assert mail.outbox[0].to == [connector.contact_email]
    told = text()
    assert "From 16 November to 22 November, Segment accepted 1,234 events of this connector." in told
    assert "1 was rejected by Segment or not sent;" in told, "the outcome counts both"
    new, stopped = told.split("Event types that used to come and have stopped:")
    assert f"came for the first time: – Banner Clicked ({BANNER}) – {TOMORROW} ({TOMORROW})" in new
    assert f"– Email Link Clicked ({CLICK})" in stopped
    assert OPEN not in told
    assert f"/data-export/{connector.pk}/" in told


def test_a_quiet_week_is_told_in_the_language_of_the_connector(connector: Connector) -> None:
    Connector.objects.update(language="de")
    assert mail_due(MORNING) == 1
    assert mail.outbox[0].subject == "Lifecycle: eine Woche ohne Störung"
    assert "1.234" in text()
    assert "zum ersten Mal" not in text()


@pytest.mark.parametrize("closed", [None, MONDAY - timedelta(days=3)])
def test_a_week_with_trouble_gets_none_not_even_later(connector: Connector, closed: datetime | None) -> None:
    Incident.objects.create(
        connector=connector,
        reason=Cause.KEY_REJECTED,
        opened_at=MONDAY - timedelta(days=4),
        closed_at=closed,
    )
    assert mail_due(MORNING) == 0
    Incident.objects.all().delete()
    assert mail_due(MORNING + timedelta(hours=1)) == 0


def test_a_trouble_before_or_after_the_week_does_not_count(connector: Connector) -> None:
    before, after = MONDAY - timedelta(days=9), MONDAY + timedelta(hours=1)
    Incident.objects.create(
        connector=connector, reason=Cause.PAUSED, opened_at=before, closed_at=before + timedelta(days=1)
    )
    Incident.objects.create(connector=connector, reason=Cause.PAUSED, opened_at=after)
    assert mail_due(MORNING) == 1


def test_nobody_is_told_who_did_not_ask_or_launched_within_the_week(connector: Connector) -> None:
    Connector.objects.update(weekly_mail=False)
    assert mail_due(MORNING) == 0
    Connector.objects.update(weekly_mail=True, created_at=MONDAY - timedelta(days=6))
    assert mail_due(MORNING) == 0


@pytest.mark.parametrize("hours", [1, 49, 100])
def test_it_comes_on_monday_or_tuesday(connector: Connector, hours: int) -> None:
    assert week_end(MONDAY + timedelta(hours=hours)) == MONDAY
    assert mail_due(MONDAY + timedelta(hours=hours)) == 0
