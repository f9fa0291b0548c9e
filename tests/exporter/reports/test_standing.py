"""Where connectors stand: the same health as on each connector's own page, however it is told apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Workspace
from exporter.models import Delivery, EventBatch, EventLog, Stopped
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.reports.standing import standings
from tests.support.factories import WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db


def put(
    connector: Connector, received: int, pending: int = 0, minutes: float = 0, **changes: Any
) -> Connector:
    """The connector has received and not yet settled so many events, the eldest waiting for so many minutes."""
    EventLog.objects.filter(pk=connector.workspace_id).update(next_event=received)
    changes = {"cursor": received - pending} | changes
    Delivery.objects.filter(connector=connector).update(**changes)
    if pending:
        EventBatch.objects.create(
            workspace=connector.workspace,
            first_event=received - pending,
            end_event=received,
            received_at=timezone.now() - timedelta(minutes=minutes),
            type_counts={},
            id_hashes=b"",
            payload=b"",
        )
    return connector


@pytest.fixture
def every_health() -> dict[int, Health]:
    """A connector of each health in a workspace of its own."""
    now = timezone.now()
    made = {}
    for health, changes in {
        Health.KEY_UNREADABLE: {"stopped": Stopped.KEY_UNREADABLE},
        Health.LOG_DAMAGED: {"stopped": Stopped.LOG_DAMAGED},
        Health.LOSING_EVENTS: {"expired_at": now},
        Health.KEY_REJECTED: {"stopped": Stopped.KEY_REJECTED, "failing_since": now},
        Health.REQUEST_REFUSED: {"stopped": Stopped.REQUEST_REFUSED},
        Health.PAUSED: {},
        Health.RETRYING: {"failing_since": now},
        Health.WAITING: {},
        Health.CATCHING_UP: {"pending": 5, "minutes": 3, "moved_at": now},
        Health.DELIVERING: {"expired_at": now - timedelta(days=1)},
    }.items():
        connector = launch(WorkspaceFactory.create(), name=health.value)
        put(connector, 0 if health == Health.WAITING else 9, **changes)  # type: ignore[arg-type]
        if health == Health.PAUSED:
            Connector.objects.filter(pk=connector.pk).update(state="paused", paused_at=now)
        made[connector.pk] = health
    made[put(launch(WorkspaceFactory.create()), 9).pk] = Health.DELIVERING
    made[put(launch(WorkspaceFactory.create()), 9, pending=2).pk] = Health.DELIVERING
    made[put(launch(WorkspaceFactory.create()), 9, pending=2, minutes=3).pk] = Health.RETRYING
    return made


def test_each_health_is_told_as_on_the_connectors_own_page(
    every_health: dict[int, Health], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        found = {one.connector_id: one.health for one in standings(Workspace.objects.all())}
    assert found == every_health
    everywhere = summary.summaries(Connector.objects.select_related("workspace"))
    assert {one.connector.pk: one.health for one in everywhere} == every_health


def test_only_connectors_of_the_given_workspaces_are_told(every_health: dict[int, Health]) -> None:
    own = Connector.objects.get(name="paused")
    (found,) = standings(Workspace.objects.filter(pk=own.workspace_id))
    assert (found.connector_id, found.workspace, found.health) == (own.pk, own.workspace.name, Health.PAUSED)


@pytest.mark.parametrize(
    ("search", "matches"),
    [
        ("", True),
        ("HARBOUR lifecycle", True),
        ("data@", True),
        ("pier-7", True),
        ("harbour absent", False),
        ("100%", False),
        ("a_b", False),
    ],
)
def test_all_words_are_looked_for_in_names_and_contact(search: str, matches: bool) -> None:
    launch(WorkspaceFactory.create(name="Harbour", slug="pier-7"))
    (found,) = standings(Workspace.objects.all(), search)
    assert found.matches is matches
