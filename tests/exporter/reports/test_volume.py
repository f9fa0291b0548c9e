"""A fall in volume is told with the moment it began, and never where chance alone explains it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from connectors.models import Connector
from exporter.display import status_page, type_table
from exporter.models import EventLog, ReceivedCount, ReceivedTotal
from exporter.reports import balance
from exporter.reports.balance import Choice
from exporter.reports.summary import summary

pytestmark = pytest.mark.django_db
DAY = balance.CHOICES[1]
OPEN = "users.messages.email.Open"


def plant(connector: Connector, by_hours_ago: dict[int, int]) -> datetime:
    """Answers the hour they are counted back from."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    Connector.objects.update(created_at=hour - timedelta(days=30))
    connector.refresh_from_db()
    for ago, count in by_hours_ago.items():
        minute = hour - timedelta(hours=ago)
        ReceivedCount.objects.create(
            workspace=connector.workspace, minute=minute, event_type=OPEN, count=count
        )
    total = sum(by_hours_ago.values())
    ReceivedTotal.objects.create(
        workspace=connector.workspace, event_type=OPEN, count=total, last_received_at=hour
    )
    EventLog.objects.update(next_event=total)
    return hour


def fell(connector: Connector, choice: Choice = DAY) -> datetime | None:
    return balance.balance(summary(connector), choice).fell_since


def test_a_fall_begins_where_the_last_usual_hour_ended(connector: Connector) -> None:
    usual = dict.fromkeys(range(22, 48), 100)
    hour = plant(connector, usual | dict.fromkeys(range(1, 22), 2))
    assert fell(connector) == hour - timedelta(hours=21)
    page = status_page.gather(connector, DAY, type_table.RECEIVED, all_types=False)
    assert page["ledger"].fell_since is not None


def test_the_page_says_it_in_amber(as_: Callable[[str], Client], connector: Connector) -> None:
    plant(connector, dict.fromkeys(range(23, 48), 100) | dict.fromkeys(range(1, 23), 1))
    page = as_("viewer").get(f"/w/harbour/data-export/{connector.pk}/").content.decode()
    amber = page.split('<b class="caution">')[1].split("</b>")[0]
    assert "fewer than in the 24 h before, since" in " ".join(amber.split())


@pytest.mark.parametrize(
    "counts",
    [
        dict.fromkeys(range(1, 48), 100),
        dict.fromkeys(range(24, 48), 100) | dict.fromkeys(range(1, 24), 30),
        dict.fromkeys(range(24, 48), 1),
    ],
    ids=["as many as before", "a fall of less than 80 %", "too few to tell"],
)
def test_what_chance_or_a_calm_day_explains_is_not_told(connector: Connector, counts: dict[int, int]) -> None:
    plant(connector, counts)
    assert fell(connector) is None
