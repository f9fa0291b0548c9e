"""Migrations beside a running product hold nobody up for long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError
from django.db import connection, connections, transaction

from currents_admin import migrating

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "exporter_heartbeat"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that needs one table to itself, and little patience."""

    def one_migration(*_args: object, **_options: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")

    monkeypatch.setattr(migrating, "call_command", one_migration)
    monkeypatch.setattr(migrating, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(migrating, "PAUSE_SECONDS", 0.01)


@contextmanager
def a_reader(until: threading.Event) -> Iterator[None]:
    """Somebody who reads the table in one long transaction, as a dump does."""
    reads = threading.Event()

    def read() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"BEGIN; SELECT count(*) FROM {TABLE}")
            reads.set()
            until.wait(20)
            cursor.execute("COMMIT")
        connections.close_all()

    thread = threading.Thread(target=read)
    thread.start()
    assert reads.wait(20)
    try:
        yield
    finally:
        until.set()
        thread.join()


def test_it_steps_back_from_a_long_reader_and_is_applied_when_that_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, pauses = threading.Event(), list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        # Between two tries everybody gets through: the lock is not waited for.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")
        if len(pauses) == 3:
            ended.set()

    monkeypatch.setattr(migrating.time, "sleep", pause)  # type: ignore[attr-defined]
    with a_reader(ended):
        migrating.migrate()
    assert len(pauses) >= 3
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",), "the bound ends with the migration"


def test_it_gives_up_in_words_and_leaves_what_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "TRIES", 3)
    with a_reader(threading.Event()), pytest.raises(CommandError, match="pg_stat_activity"):
        migrating.migrate()
