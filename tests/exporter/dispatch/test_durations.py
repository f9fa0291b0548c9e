"""How long requests took is counted in each process and added to the counts of all, which never fall."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection

from exporter.dispatch import durations
from exporter.dispatch.durations import BEYOND, Durations
from exporter.models import RequestDuration

pytestmark = pytest.mark.django_db(transaction=True)


def stored() -> dict[tuple[str, str, int], tuple[int, int]]:
    return {
        (row.kind, row.status, row.bound): (row.count, row.milliseconds)
        for row in RequestDuration.objects.all()
    }


def test_what_several_processes_count_is_added_up() -> None:
    first, second = Durations(), Durations()
    for ms in (0, 1, 2, 3, 20_001):
        first.note("intake.request", {"status": 202, "ms": ms})
    second.note("intake.request_refused", {"status": 401, "ms": 4})
    second.note("intake.request", {"status": 202, "ms": 5})
    second.note("delivery.attempt", {"status": 200, "ms": 40})
    second.note("delivery.attempt_failed", {"status": None, "ms": 9_000})
    for each in (first, second, first):
        each.store()
    assert stored() == {
        ("intake", "202", 1): (2, 1),
        ("intake", "202", 2): (1, 2),
        ("intake", "202", 5): (2, 8),
        ("intake", "202", BEYOND): (1, 20_001),
        ("intake", "401", 5): (1, 4),
        ("attempt", "200", 50): (1, 40),
        ("attempt", "none", 10_000): (1, 9_000),
    }


def test_what_the_front_refuses_counts_where_it_was_meant_for_the_intake() -> None:
    counted = Durations()
    for path in ("/api/v1/events", "other"):
        counted.note("front.refused", {"status": 413, "path": path, "ms": 0})
    counted.note("lease.lost", {"connector": 7})
    counted.store()
    assert stored() == {("intake", "413", 1): (1, 0)}


def test_what_the_database_did_not_take_is_added_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Durations()
    counted.note("intake.request", {"status": 503, "ms": 4})

    def away(*_: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as only_here:
        only_here.setattr(durations, "execute", away)
        with pytest.raises(DatabaseError):
            counted.store()
    counted.note("intake.request", {"status": 503, "ms": 5})
    counted.store()
    assert stored() == {("intake", "503", 5): (2, 9)}


def test_processes_that_add_to_the_same_rows_at_once_do_not_hinder_each_other() -> None:
    processes = [Durations() for _ in range(4)]

    def work(counted: Durations) -> None:
        try:
            for number in range(25):
                for ms in (1, 2, 5, 10, 20) if number % 2 else (20, 10, 5, 2, 1):
                    counted.note("intake.request", {"status": 202, "ms": ms})
                counted.store()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, processes))
    assert {count for count, _ in stored().values()} == {100}
