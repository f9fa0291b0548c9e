"""The overview tells how everything stands: connectors with trouble first, queues, mails, parts and hosts."""

from __future__ import annotations

import io
import re
from datetime import UTC, timedelta

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from connectors.models import Connector, Workspace
from exporter.delivery.lease import Lease
from exporter.dispatch import heartbeats
from exporter.models import Delivery, Incident, Notice
from exporter.operations import overview
from tests.support.factories import WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db(transaction=True)


def shown(*arguments: str) -> str:
    out = io.StringIO()
    call_command("status", *arguments, stdout=out)
    return out.getvalue()


def test_the_connector_in_trouble_comes_first(workspace: Workspace) -> None:
    launch(workspace, name="All is well")
    troubled = launch(WorkspaceFactory.create(), name="Bad night")
    Delivery.objects.filter(connector=troubled).update(stopped="key_rejected")
    rows = overview.connectors()
    assert [row[1] for row in rows] == ["Bad night", "All is well"]
    assert rows[0][3] == "Key rejected"
    assert "… and 1 more connectors." in shown("--most", "1")


def test_who_holds_a_lease_since_when_and_the_next_attempt_are_told(connector: Connector) -> None:
    delivery = Delivery.objects.get(connector=connector)
    lease = Lease.take(delivery.pk)
    assert lease is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('application_name')")
        (name,) = cursor.fetchone()
        cursor.execute("UPDATE exporter_delivery SET lease_since = lease_since - interval '40 seconds'")
    told = shown()
    holder = re.escape(name.removeprefix("currents "))
    assert re.search(rf"{holder} for 40 s, ends in 1[345] s", told)
    lease.release()
    at = timezone.now() + timedelta(minutes=5)
    Delivery.objects.update(next_attempt_at=at, failing_since=at - timedelta(hours=1))
    told = shown()
    assert "ends in" not in told
    for moment in (at, at - timedelta(hours=1)):
        assert f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" in told


def test_queues_unsent_mails_parts_and_hosts_are_told(connector: Connector) -> None:
    heartbeats.beat(["worker:delivery"])
    incident = Incident.objects.create(connector=connector, reason="key_rejected", opened_at=timezone.now())
    Notice.objects.create(incident=incident, step="stopped", created_at=timezone.now())
    told = shown()
    assert re.search(r"Queues: delivery \d+, retry \d+, chores \d+ messages waiting", told)
    assert "1 unsent" in told
    assert "worker:delivery" in told


def test_a_broker_that_is_away_hides_nothing_else(connector: Connector, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    told = shown()
    assert "the broker does not answer" in told
    assert connector.name in told


def test_top_looks_as_often_as_it_is_told(connector: Connector) -> None:
    out = io.StringIO()
    call_command("top", "--times", "2", "--every", "0.2", stdout=out)
    assert out.getvalue().count(connector.name) == 2
