"""What appending promises: no gaps, each event once, nothing acknowledged before it is stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from connectors.models import Workspace
from exporter.intake import appender as appender_module
from exporter.intake import duplicates
from exporter.intake.appender import Appender, Unavailable, append_now
from exporter.intake.store import Receipt, Store, Submission, WorkspaceBusy
from exporter.log import event_log
from exporter.models import EventBatch, EventLog
from tests.support.appended import assert_contiguous, ids, incoming
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def together(works: list[Callable[[], Any]]) -> list[Any]:
    """Runs the works in threads that begin at once, each with a database connection of its own."""
    gate = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory.create()


@pytest.fixture
def appenders() -> Iterator[list[Appender]]:
    """Two, as two web processes have them: neither sees the other's memory."""
    pair = [Appender(), Appender()]
    yield pair
    for one in pair:
        one.stop()


def test_numbers_have_no_gaps_under_eight_threads_and_two_memories(
    workspace: Workspace, appenders: list[Appender]
) -> None:
    def work(place: int) -> int:
        accepted = 0
        for round_ in range(10):
            first = (place * 10 + round_) * 7
            submission = Submission(workspace.pk, incoming(range(first, first + 7)))
            accepted += appenders[place % 2].submit(submission).accepted
        return accepted

    counts = together([lambda place=place: work(place) for place in range(8)])  # type: ignore[misc]
    assert sum(counts) == 8 * 10 * 7
    assert_contiguous(workspace)
    assert sorted(ids(workspace)) == sorted(f"event-{number}" for number in range(560))


def test_the_same_events_in_other_bodies_through_two_processes_are_stored_once(
    workspace: Workspace, appenders: list[Appender]
) -> None:
    def send(appender: Appender, size: int) -> list[Receipt]:
        return [
            appender.submit(Submission(workspace.pk, incoming(range(first, min(first + size, 300)))))
            for first in range(0, 300, size)
        ]

    answers = together(
        [
            lambda: send(appenders[0], 7),
            lambda: send(appenders[1], 11),
            lambda: send(appenders[0], 300),
            lambda: send(appenders[1], 50),
        ]
    )
    receipts = [receipt for answer in answers for receipt in answer]
    assert sum(receipt.accepted for receipt in receipts) == 300
    assert sum(receipt.duplicates for receipt in receipts) == 900
    assert sorted(ids(workspace)) == sorted(f"event-{number}" for number in range(300))
    assert_contiguous(workspace)


def test_a_body_with_the_same_event_twice_stores_it_once(workspace: Workspace) -> None:
    assert append_now(workspace.pk, incoming([1, 2, 1, 1])) == Receipt(2, 2)
    assert ids(workspace) == ["event-1", "event-2"]


def test_a_new_process_knows_what_was_stored_before_it(workspace: Workspace) -> None:
    Store().store([Submission(workspace.pk, incoming(range(1_500)))])
    answer = Store().store([Submission(workspace.pk, incoming(range(1_400, 1_600)))])
    assert answer == [Receipt(100, 100)]
    assert_contiguous(workspace)


def test_after_a_rollback_nothing_is_remembered(workspace: Workspace) -> None:
    store = Store()
    store.store([Submission(workspace.pk, incoming(range(5)))])

    def fail() -> None:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        store.store([Submission(workspace.pk, incoming(range(5, 10)))], fail)
    assert event_log.head(workspace.pk) == 5
    assert store.store([Submission(workspace.pk, incoming(range(10)))]) == [Receipt(5, 5)]
    assert_contiguous(workspace)


def test_what_a_broken_commit_did_store_is_a_duplicate_when_sent_again(workspace: Workspace) -> None:
    mine, other = Store(), Store()
    mine.store([Submission(workspace.pk, incoming(range(5)))])
    # Stored, but the answer to the commit never came: `mine` does not know of it.
    other.store([Submission(workspace.pk, incoming(range(5, 10)))])
    assert mine.store([Submission(workspace.pk, incoming(range(5, 12)))]) == [Receipt(2, 5)]
    assert_contiguous(workspace)


def test_appending_inside_a_transaction_is_refused(workspace: Workspace) -> None:
    """What is remembered after an inner commit could still be rolled back by the outer one."""
    with transaction.atomic(), pytest.raises(RuntimeError):
        append_now(workspace.pk, incoming([1]))


def test_a_hash_alone_makes_no_duplicate(workspace: Workspace) -> None:
    first, second, third = (one._replace(id_hash=b"the same") for one in incoming(range(3)))
    store = Store()
    assert store.store([Submission(workspace.pk, [first, second])]) == [Receipt(2, 0)]
    assert store.store([Submission(workspace.pk, [third])]) == [Receipt(1, 0)]
    assert store.store([Submission(workspace.pk, [first, second, third])]) == [Receipt(0, 3)]
    assert ids(workspace) == ["event-0", "event-1", "event-2"]


def test_an_id_from_beyond_the_window_of_events_is_new(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "WINDOW_EVENTS", 10)
    for store in (Store(), Store()):
        EventBatch.objects.all().delete()
        EventLog.objects.all().delete()
        store.store([Submission(workspace.pk, incoming(range(12)))])
        assert store.store([Submission(workspace.pk, incoming([11]))]) == [Receipt(0, 1)]
        assert store.store([Submission(workspace.pk, incoming([2]))]) == [Receipt(0, 1)]
        assert store.store([Submission(workspace.pk, incoming([1]))]) == [Receipt(1, 0)]


@pytest.mark.parametrize("remembered", [True, False])
def test_an_id_from_yesterday_is_new(workspace: Workspace, remembered: bool) -> None:
    store = Store()
    store.store([Submission(workspace.pk, incoming(range(3)))])
    with connection.cursor() as sql:
        sql.execute("UPDATE exporter_eventbatch SET received_at = received_at - interval '24 hours 1 second'")
    if remembered:
        minutes = store._duplicates.window(workspace.pk)._minutes
        end, at = minutes.pop()
        minutes.append((end, at - timedelta(hours=24, seconds=1)))
    else:
        store = Store()
    assert store.store([Submission(workspace.pk, incoming(range(3)))]) == [Receipt(3, 0)]


def test_memory_is_bounded_and_what_was_let_go_is_read_again(workspace: Workspace) -> None:
    others = [WorkspaceFactory.create() for _ in range(3)]
    store = Store()
    store._duplicates = duplicates.Duplicates(most=3 * (64 + 10) - 1)
    for one in (workspace, *others):
        store.store([Submission(one.pk, incoming(range(10)))])
    assert workspace.pk not in store._duplicates
    assert others[-1].pk in store._duplicates
    assert store.store([Submission(workspace.pk, incoming(range(11)))]) == [Receipt(1, 10)]


def test_a_batch_that_cannot_be_stored_does_not_take_its_neighbours_with_it(
    workspace: Workspace, appenders: list[Appender]
) -> None:
    other = WorkspaceFactory.create()
    with connection.cursor() as sql:
        sql.execute(
            "ALTER TABLE exporter_eventbatch ADD CONSTRAINT planted CHECK (NOT type_counts ? 'poison')"
        )
    appender = appenders[0]
    try:
        poison = Submission(workspace.pk, incoming([1], event_type="poison"))
        good = [Submission(one.pk, incoming([2])) for one in (workspace, other)]

        def submit(submission: Submission) -> Receipt | None:
            try:
                return appender.submit(submission)
            except Unavailable:
                return None

        with appender._changed:
            # All three wait before the thread may take them: one group.
            pool = ThreadPoolExecutor(3)
            answers = pool.map(submit, [poison, *good])
        assert list(answers) == [None, Receipt(1, 0), Receipt(1, 0)]
        pool.shutdown()
    finally:
        with connection.cursor() as sql:
            sql.execute("ALTER TABLE exporter_eventbatch DROP CONSTRAINT planted")
    assert_contiguous(workspace)
    assert appender.submit(Submission(workspace.pk, incoming([1], event_type="poison"))) == Receipt(1, 0)


def test_a_locked_log_refuses_its_workspace_only_and_is_free_again_afterwards(
    workspace: Workspace, appenders: list[Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender_module, "_REST", 0.0)
    other = WorkspaceFactory.create()
    appender = appenders[0]
    appender.submit(Submission(workspace.pk, incoming([1])))
    with psycopg.connect(_address()) as stranger:
        stranger.execute("SELECT 1 FROM exporter_eventlog WHERE workspace_id = %s FOR SHARE", (workspace.pk,))
        with pytest.raises(Unavailable):
            appender.submit(Submission(workspace.pk, incoming([2])))
        assert appender.submit(Submission(other.pk, incoming([2]))) == Receipt(1, 0)
        with pytest.raises(WorkspaceBusy):
            Store().store([Submission(workspace.pk, incoming([2]))])
    assert appender.submit(Submission(workspace.pk, incoming([2]))) == Receipt(1, 0)
    assert_contiguous(workspace)


def _address() -> str:
    parameters = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port")
    return psycopg.conninfo.make_conninfo(
        **{name: parameters[name] for name in wanted if parameters.get(name)}
    )


def test_a_connection_that_died_while_idle_costs_nobody_an_answer(
    workspace: Workspace, appenders: list[Appender]
) -> None:
    appender = appenders[0]
    appender.submit(Submission(workspace.pk, incoming([1])))
    with connection.cursor() as sql:
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert appender.submit(Submission(workspace.pk, incoming([1, 2]))) == Receipt(1, 1)


def test_a_full_queue_refuses_at_once(
    workspace: Workspace, appenders: list[Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    appender = appenders[0]
    monkeypatch.setattr(appender_module, "MOST_WAITING_BYTES", 100)
    with appender._changed:
        appender._bytes = 90
        with pytest.raises(Unavailable):
            appender.submit(Submission(workspace.pk, incoming([1])))
        appender._bytes = 0
    assert appender.submit(Submission(workspace.pk, incoming([1]))) == Receipt(1, 0)


def test_who_does_not_wait_any_longer_is_withdrawn(
    workspace: Workspace, appenders: list[Appender], monkeypatch: pytest.MonkeyPatch
) -> None:
    appender = appenders[0]
    monkeypatch.setattr(appender_module, "_PATIENCE", 0.01)
    with appender._changed, pytest.raises(Unavailable):
        appender.submit(Submission(workspace.pk, incoming([1])))
    monkeypatch.setattr(appender_module, "_PATIENCE", 8.0)
    assert appender.submit(Submission(workspace.pk, incoming([2]))) == Receipt(1, 0)
    assert ids(workspace) == ["event-2"]
    assert appender._bytes == 0


def test_stopping_stores_what_waits(workspace: Workspace) -> None:
    appender = Appender()
    with ThreadPoolExecutor(1) as pool:
        with appender._changed:
            answer = pool.submit(appender.submit, Submission(workspace.pk, incoming([1])))
        appender.stop()
        if answer.exception() is None:
            assert ids(workspace) == ["event-1"]
    with pytest.raises(Unavailable):
        appender.submit(Submission(workspace.pk, incoming([2])))
