"""The overview tells how everything stands: connectors with trouble first, queues, mails, parts and hosts."""

from __future__ import annotations

import io
import re

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.utils import timezone

from connectors.models import Connector, Workspace
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
