"""Appending while database or broker are away."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from connectors.models import Workspace
from exporter.intake import notifier
from exporter.intake.appender import Appender, Unavailable
from exporter.intake.store import Receipt, Submission
from tests.exporter.intake.test_appender import appenders, workspace
from tests.support.appended import incoming

__all__ = ["appenders", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_without_a_database_nothing_is_acknowledged_and_afterwards_all_is_well(
    workspace: Workspace, appenders: list[Appender]
) -> None:
    appender = appenders[0]
    appender.submit(Submission(workspace.pk, incoming([1])))
    host = connection.settings_dict["HOST"]
    with connection.cursor() as sql:
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        with pytest.raises(Unavailable):
            appender.submit(Submission(workspace.pk, incoming([2])))
    finally:
        connection.settings_dict["HOST"] = host
    assert appender.submit(Submission(workspace.pk, incoming([1, 2]))) == Receipt(1, 1)


def test_a_broker_that_fails_costs_nobody_an_answer(
    workspace: Workspace, appenders: list[Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung = threading.Event()
    calls: list[set[int]] = []

    def fail_once(workspace_ids: set[int]) -> int:
        calls.append(set(workspace_ids))
        if len(calls) == 1:
            raise OSError("the broker is away")
        rung.set()
        return 1

    monkeypatch.setattr("exporter.dispatch.wakeup.wake_workspaces", fail_once)
    assert appenders[0].submit(Submission(workspace.pk, incoming([1]))) == Receipt(1, 0)
    while not rung.wait(0.05):
        assert len(calls) < 3
        notifier.appended([workspace.pk])
    assert calls[0] == calls[1] == {workspace.pk}
    assert notifier.current().failures == 1
