"""Launching promises: the first event accepted after the answer is the first one exported, whatever flows meanwhile."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from connectors.models import Connector
from connectors.setup import lifecycle
from connectors.setup.lifecycle import TypeTaken
from exporter.delivery import turn
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_accepted_right_after_a_launch_is_delivered_in_a_hundred_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "LONG_TURN", 0.1)  # under traffic a turn goes on
    with a_line() as line:
        stop = threading.Event()
        lifecycle.delete(line.connector, by=NOBODY)

        def traffic() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                line.feed_events([{"event_type": "other.Type", "id": f"noise-{number}", "time": 1}])
            connection.close()

        noise = threading.Thread(target=traffic)
        noise.start()
        wanted: list[str] = []
        try:
            for number in range(100):
                line.connector = Line.launch(line.workspace)
                wanted += line.feed(1, id=f"wanted-{number}")
                while f"wanted-{number}" not in line.arrived():
                    assert line.deliver() != "gone"
                lifecycle.delete(line.connector, by=NOBODY)
        finally:
            stop.set()
            noise.join()
        assert sorted(line.arrived()) == sorted(wanted)


def test_an_append_that_began_before_a_launch_is_before_its_start() -> None:
    with a_line() as line:
        lifecycle.delete(line.connector, by=NOBODY)
        began, launched = threading.Event(), threading.Event()

        def append() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("UPDATE exporter_eventlog SET last_received_at = now()")
                began.set()
                assert not launched.wait(0.3), "the launch did not wait for the append"
            connection.close()

        appending = threading.Thread(target=append)
        appending.start()
        began.wait(5)
        line.connector = Line.launch(line.workspace)
        launched.set()
        appending.join()
        assert line.delivery.start == 0


def test_the_database_refuses_a_second_connector_of_a_type_and_says_which_stands() -> None:
    with a_line() as line:
        with pytest.raises(TypeTaken) as refused:
            Line.launch(line.workspace)
        assert refused.value.standing == line.connector
        with (
            pytest.raises(IntegrityError, match="one_connector_of_a_type_per_workspace"),
            transaction.atomic(),
        ):
            Connector.objects.create(
                workspace=line.workspace,
                name="Another",
                contact_email="a@example.com",
                region="us",
                selected_events=["users.messages.email.Open"],
            )
        Line.launch(WorkspaceFactory.create())
        assert Connector.objects.count() == 2


def test_of_two_people_who_launch_at_once_one_is_told_of_the_other() -> None:
    workspace = WorkspaceFactory.create()
    start, told = threading.Barrier(2), []

    def launch() -> None:
        start.wait()
        try:
            Line.launch(workspace)
        except TypeTaken as taken:
            told.append(taken.standing)
        connection.close()

    people = [threading.Thread(target=launch) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert told == [Connector.objects.get()]
