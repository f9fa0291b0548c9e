"""What an incident cost is one number: what a replay recovers of earlier losses is not taken from it, and it stays once
the incident is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.models import Connector
from exporter import sql
from exporter.incidents.mail import facts
from exporter.models import Delivery, DeliveryTotal, Incident, MailStep, Notice, ReceivedTotal
from exporter.reports import incident_history
from exporter.reports.health import Health
from exporter.reports.summary import summary

pytestmark = pytest.mark.django_db
OPEN, CLICK = "users.messages.email.Open", "users.messages.email.Click"


def lost_in_an_incident(connector: Connector, **known: Any) -> Incident:
    """Ten had expired before, and seven of them were replayed since; five of another type expired in it."""
    delivery, now = Delivery.objects.get(connector=connector, kind="live"), sql.clock()
    for event_type, count in ((OPEN, 3), (CLICK, 5)):
        DeliveryTotal.objects.create(delivery=delivery, event_type=event_type, outcome="expired", count=count)
        ReceivedTotal.objects.create(
            workspace=connector.workspace, event_type=event_type, count=10, last_received_at=now
        )
    Delivery.objects.update(expired_at=now - timedelta(minutes=2))
    opened_at = now - timedelta(hours=50)
    made = Incident.objects.create(
        connector=connector, reason="key_rejected", opened_at=opened_at, expired_before={OPEN: 10}, **known
    )
    Notice.objects.create(incident=made, step=MailStep.DROPPING, created_at=now - timedelta(hours=2))
    return made


def test_a_replay_of_earlier_losses_takes_nothing_from_those_of_an_open_incident(
    connector: Connector,
) -> None:
    made = lost_in_an_incident(connector)
    found = summary(connector)
    assert (found.health, found.lost, found.accepting_since) == (Health.LOSING_EVENTS, 5, None)
    assert incident_history.latest(found, 1)[0].lost == 5
    assert facts(made).expired == {CLICK: 5}


def test_once_it_is_over_its_cost_is_not_all_that_ever_expired(connector: Connector) -> None:
    over = sql.clock() - timedelta(minutes=1)
    made = lost_in_an_incident(connector, closed_at=over, recovered_at=over, lost=5)
    found = summary(connector)
    assert found.health == Health.LOSING_EVENTS
    assert (found.lost, found.accepting_since) == (5, over)
    assert found.losing_since == Notice.objects.get(incident=made).created_at


def test_what_is_over_is_told_from_when_it_began_and_until_when_the_first_are_kept(
    connector: Connector,
) -> None:
    over = sql.clock() - timedelta(minutes=5)
    made = lost_in_an_incident(connector, closed_at=over, recovered_at=over, lost=5)
    Delivery.objects.update(failing_since=over + timedelta(minutes=4))
    told = facts(made)
    assert told.since == made.opened_at
    assert told.until == over
    # 168 hours in the log, of which 48 had passed when the first was lost.
    assert told.kept_until == Notice.objects.get(incident=made).created_at + timedelta(hours=120)
