"""Twenty-four hours and their sparkline, exact to the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.models import Connector
from exporter import sql
from exporter.models import Delivery, DeliveryHour, ReceivedCount
from exporter.reports import summary

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def last_24(now: datetime, counts: dict[datetime, int]) -> list[int]:
    """The hour that is running is the last of them."""
    return [counts.get(hour_of(now) - ago * HOUR, 0) for ago in reversed(range(24))]


def test_delivered_events_stand_in_their_hour_and_24_of_them_count(connector: Connector) -> None:
    delivery = Delivery.objects.get(connector=connector, kind="live")
    begin = hour_of(sql.clock())
    # More than 24, on both sides, so that the test may also see the next hour begin.
    delivered = {begin - ago * HOUR: 2 ** (ago + 2) for ago in range(-1, 28)}
    for hour, count in delivered.items():
        DeliveryHour.objects.create(delivery=delivery, hour=hour, outcome="delivered", count=count)
        DeliveryHour.objects.create(delivery=delivery, hour=hour, outcome="rejected", count=1)
    found = summary.summary(connector)
    assert found.hourly == last_24(found.now, delivered)
    assert found.delivered_24h == sum(found.hourly)


def test_received_events_stand_in_their_hour_by_their_first_and_last_minute(connector: Connector) -> None:
    begin = hour_of(sql.clock())
    received: dict[datetime, int] = {}
    for ago in range(28):
        for minute, count in ((begin - ago * HOUR, 1), (begin - ago * HOUR + 59 * MINUTE, 100)):
            if minute <= sql.clock():
                ReceivedCount.objects.create(
                    workspace=connector.workspace, minute=minute, event_type="x", count=count + ago
                )
                received[hour_of(minute)] = received.get(hour_of(minute), 0) + count + ago
    before = sql.clock()
    found = summary.intake_seen(connector.workspace)
    assert found.hourly in (last_24(before, received), last_24(sql.clock(), received))
    assert found.received_24h == sum(found.hourly)
