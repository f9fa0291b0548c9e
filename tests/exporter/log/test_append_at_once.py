"""Appending at once: all or nothing, without waiting, and the same rows as in steps."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import Sum

from connectors.models import Workspace
from exporter.intake.store import Receipt, Store, Submission
from exporter.log import batches, event_log
from exporter.log.append_at_once import Addition, append_at_once
from exporter.models import EventBatch, EventLog, ReceivedCount, ReceivedTotal
from tests.support.appended import assert_contiguous, ids, incoming
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)
CLICK = "users.messages.email.Click"


@pytest.fixture
def logs() -> list[Workspace]:
    """Two workspaces with three events each."""
    made = [WorkspaceFactory.create() for _ in range(2)]
    for workspace in made:
        Store().store([Submission(workspace.pk, incoming(range(3)))])
    return made


def additions(logs: list[Workspace], head: int = 3) -> list[Addition]:
    return [Addition(one.pk, head, batches.cut(incoming(range(10, 15)))) for one in logs]


def heads(logs: list[Workspace]) -> list[int]:
    return [event_log.head(one.pk) for one in logs]


def test_all_are_appended_and_counted(logs: list[Workspace]) -> None:
    appended = append_at_once(additions(logs))
    assert appended is not None
    for workspace in logs:
        assert_contiguous(workspace)
        assert ids(workspace)[3:] == [f"event-{number}" for number in range(10, 15)]
        assert EventLog.objects.get(pk=workspace.pk).last_received_at == appended.received_at[workspace.pk]


def test_one_log_with_another_head_keeps_all_others_back(logs: list[Workspace]) -> None:
    for wrong in (2, 4):
        assert append_at_once([*additions(logs[:1]), *additions(logs[1:], head=wrong)]) is None
    assert heads(logs) == [3, 3]
    assert EventBatch.objects.count() == 2
    assert sum(ReceivedTotal.objects.values_list("count", flat=True)) == 6


def test_a_log_that_somebody_holds_is_not_waited_for(logs: list[Workspace]) -> None:
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port")}
    with psycopg.connect(**wanted) as stranger:
        stranger.execute("SELECT 1 FROM exporter_eventlog WHERE workspace_id = %s FOR UPDATE", (logs[1].pk,))
        with connection.cursor() as sql:
            sql.execute("SET lock_timeout = '1ms'")
        try:
            assert append_at_once(additions(logs)) is None
        finally:
            with connection.cursor() as sql:
                sql.execute("RESET lock_timeout")
    assert heads(logs) == [3, 3]


def test_at_once_or_in_steps_leaves_the_same_rows() -> None:
    def rows(workspace: Workspace) -> list[Any]:
        found: list[Any] = []
        for model in (EventBatch, ReceivedTotal):
            names = [
                one.name for one in model._meta.get_fields() if one.name not in ("id", "pk", "workspace")
            ]
            shown = [name for name in names if name not in ("received_at", "last_received_at")]
            found += sorted(model.objects.filter(workspace=workspace).values_list(*shown), key=repr)
        # Of all minutes together, because one may end on the way.
        by_type = ReceivedCount.objects.filter(workspace=workspace).values_list("event_type")
        return found + sorted(by_type.annotate(Sum("count"), Sum("anonymous")))

    made = [WorkspaceFactory.create() for _ in range(2)]
    for workspace, in_steps in zip(made, (False, True), strict=True):
        store = Store()
        for first in range(0, 60, 20):
            events = [
                *incoming(range(first, first + 12)),
                *incoming(range(first, first + 8), event_type=CLICK),
            ]
            if in_steps:
                store = Store()
            assert store.store([Submission(workspace.pk, events)]) == [Receipt(20, 0)]
        assert (store._duplicates.window(workspace.pk).shared, event_log.head(workspace.pk)) == (in_steps, 60)
    assert rows(made[0]) == rows(made[1])


def test_what_goes_at_once_costs_one_statement(
    logs: list[Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    for _ in range(2):
        store.store([Submission(one.pk, incoming([1])) for one in logs])

    def fail(*_: Any) -> None:
        raise AssertionError("went in steps")

    monkeypatch.setattr(Store, "_append_in_steps", fail)
    submissions = [Submission(one.pk, incoming([1, 7, 8])) for one in logs]
    assert store.store(submissions) == [Receipt(2, 1)] * 2
    assert heads(logs) == [5, 5]


def test_after_a_surprise_the_next_append_looks_first(logs: list[Workspace]) -> None:
    mine, other = Store(), Store()
    for number in (20, 21):
        mine.store([Submission(logs[0].pk, incoming([number]))])
    other.store([Submission(logs[0].pk, incoming([30]))])
    assert mine.store([Submission(logs[0].pk, incoming([30, 31]))]) == [Receipt(1, 1)]
    assert_contiguous(logs[0])
