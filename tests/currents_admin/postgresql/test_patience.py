"""A database that falls silent costs one wait, not one a request; a slow statement among quick ones proves nothing."""

from __future__ import annotations

import threading

import psycopg
import pytest

from currents_admin.postgresql.base import BoundedConnection
from currents_admin.postgresql.patience import PATIENCE, PROBE_SECONDS, Patience, Silent
from tests.support.serving import database_url


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_one_wait_in_vain_everybody_is_refused_at_once_until_one_is_answered() -> None:
    clock = Clock()
    patience = Patience(4.0, clock)
    assert patience.begin() == 4.0
    clock.now += 4
    patience.ran_out(4.0)
    with pytest.raises(Silent):
        patience.begin()
    clock.now += PROBE_SECONDS
    assert patience.begin() == PROBE_SECONDS, "one asks on behalf of all"
    with pytest.raises(Silent):
        patience.begin()
    patience.answered()
    assert patience.begin() == 4.0


def test_one_slow_statement_among_answered_ones_refuses_nobody() -> None:
    clock = Clock()
    patience = Patience(4.0, clock)
    clock.now += 2
    patience.answered()
    clock.now += 2
    patience.ran_out(4.0)
    assert patience.begin() == 4.0


def test_without_a_bound_waits_have_no_end() -> None:
    assert Patience().begin() is None


@pytest.mark.django_db
def test_a_statement_that_is_not_answered_ends_and_closes_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PATIENCE, "seconds", 0.3)
    with BoundedConnection.connect(database_url()) as line:
        with pytest.raises(psycopg.OperationalError, match="did not answer within"):
            line.execute("SELECT pg_sleep(3)")
        assert line.closed
    PATIENCE.answered()
    with BoundedConnection.connect(database_url()) as line:
        assert line.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.django_db
def test_threads_of_one_process_share_what_one_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PATIENCE, "seconds", 0.3)
    refused: list[Exception] = []

    def ask(line: BoundedConnection, statement: str) -> None:
        try:
            line.execute(statement)
        except psycopg.OperationalError as error:
            refused.append(error)

    lines = [BoundedConnection.connect(database_url()) for _ in range(2)]
    thread = threading.Thread(target=ask, args=(lines[0], "SELECT pg_sleep(3)"))
    thread.start()
    thread.join()
    ask(lines[1], "SELECT 1")
    PATIENCE.answered()
    assert isinstance(refused[1], Silent)
