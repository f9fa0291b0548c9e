"""Where connectors stand: the same health as on each connector's own page, however it is told apart."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connectors.models import Connector, Workspace
from exporter.models import Delivery, EventBatch, EventLog, Stopped
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.reports.standing import Standings
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


def test_each_health_is_told_as_on_the_connectors_own_page(every_health: dict[int, Health]) -> None:
    everything, everywhere = Workspace.objects.all(), Connector.objects.select_related("workspace")
    assert {one.connector.pk: one.health for one in summary.summaries(everywhere)} == every_health
    assert Standings(everything).counts == Counter(every_health.values())
    for health in Health:
        assert sorted(Standings(everything, health=health)) == sorted(
            connector for connector, its in every_health.items() if its == health
        )


def test_only_connectors_of_the_given_workspaces_are_told(every_health: dict[int, Health]) -> None:
    own = Connector.objects.get(name="paused")
    found = Standings(Workspace.objects.filter(pk=own.workspace_id))
    assert (list(found), found.counts) == ([own.pk], {Health.PAUSED: 1})


def test_only_what_was_searched_for_is_told_and_everything_is_counted(
    every_health: dict[int, Health],
) -> None:
    wanted = random.sample(sorted(every_health), 4)
    found = Standings(Workspace.objects.all(), wanted)
    assert sorted(found) == sorted(wanted)
    assert found.counts == Counter(every_health.values())
    assert list(Standings(Workspace.objects.all(), [])) == []


def test_a_page_is_that_part_of_the_whole_list_in_order() -> None:
    """Quiet connectors stay in the database, others do not; in the list they stand among each other."""
    now, keys = timezone.now(), dict[int, tuple[int, str, str, int]]()
    for number in range(24):
        workspace = WorkspaceFactory.create(name=random.choice(["Harbour", "harbour", "Pine"]))
        connector = launch(workspace, name=random.choice("aBc"))
        received, old = random.choice([(0, None), (9, None), (9, now - timedelta(days=1))])
        put(connector, received, pending=random.choice([0, received]), expired_at=old)
        if number % 5 == 0:
            Delivery.objects.filter(connector=connector).update(failing_since=now)
        health = list(Health).index(summary.summary(connector).health)
        keys[connector.pk] = (health, workspace.name.lower(), connector.name.lower(), connector.pk)
    whole = sorted(keys, key=lambda pk: keys[pk])
    asked = Standings(Workspace.objects.all())
    assert len(asked) == len(whole)
    for start, stop in combinations(range(0, len(whole) + 3, 2), 2):
        assert asked[start:stop] == whole[start:stop]
    assert asked[-1] == whole[-1]


def test_a_page_takes_three_statements_at_most(
    every_health: dict[int, Health], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(3):
        assert Standings(Workspace.objects.all())[:50]


def test_the_first_quiet_ones_are_read_in_the_order_of_an_index_and_the_others_are_not(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """Of ten thousand connectors a page shows some fifty."""
    launch(WorkspaceFactory.create(name="Bright"))
    mine = Workspace.objects.filter(archived_at=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
        )
    with django_assert_num_queries(2) as asked:
        assert len(Standings(mine)[:50]) == 1
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked[-1]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using workspaces_by_name" in plan
    assert "Presorted Key" in plan
