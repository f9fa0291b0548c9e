"""One bad row must not starve the others."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import DatabaseError, connection

from exporter.api.exposition import exposition
from exporter.dispatch.row_by_row import row_by_row
from exporter.models import ChoreFault
from tests.support.log_lines import lines_of

pytestmark = pytest.mark.django_db(transaction=True)


def run(rows: list[int], bad: set[int]) -> list[int]:
    """The rows in the order in which they were worked on."""
    seen: list[int] = []

    def work(row: int) -> int:
        seen.append(row)
        if row in bad:
            raise ZeroDivisionError("by row")
        return row

    done = list(row_by_row("test", rows, int, work))
    assert set(done) == set(rows) - bad
    return seen


def test_a_row_that_fails_comes_last_until_it_works_again() -> None:
    assert run([1, 2, 3], {1}) == [1, 2, 3]
    assert run([1, 2, 3], {1}) == [2, 3, 1]
    assert run([1, 2, 3], set()) == [2, 3, 1]
    assert run([1, 2, 3], set()) == [1, 2, 3]
    assert not ChoreFault.objects.exists()


def test_a_row_comes_last_for_ten_minutes_not_for_ever() -> None:
    run([1, 2], {1})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_chorefault SET last_at = last_at - interval '11 minutes'")
    assert run([1, 2], {1}) == [1, 2]


def test_it_is_logged_once_with_its_id_and_counted_in_metrics(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            run([7], {7})
    assert [(line["chore"], line["row"]) for line in lines_of(caplog, "chore.row_failed")] == [("test", 7)]
    assert ChoreFault.objects.get().count == 3
    assert 'currents_chore_failing_rows{chore="test"} 1' in exposition().decode()
    run([7], set())
    assert "currents_chore_failing_rows{" not in exposition().decode()


def test_a_lost_database_is_no_rows_fault() -> None:
    def lose(_row: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return 0

    with pytest.raises(DatabaseError):
        list(row_by_row("test", [1, 2], int, lose))
    assert not ChoreFault.objects.exists()


def test_a_statement_that_fails_is_its_rows_fault() -> None:
    def work(row: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / (%s - 1)", [row])
            return cursor.fetchone()[0]

    assert list(row_by_row("test", [1, 2], int, work)) == [1]
    assert ChoreFault.objects.get().row_id == 1
