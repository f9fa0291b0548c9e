"""What a settle writes of attempts, and how long it waits for a database that is away."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from django.db import OperationalError

from exporter import sql
from exporter.delivery import settle as settling
from exporter.delivery.lease import Lease, LeaseLost
from exporter.delivery.settle import note_trouble, settle
from exporter.delivery.step import Step, Tried, Trouble
from exporter.models import Attempt
from tests.support.delivering import Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


def settle_tried(line: Line, *, status: int | None, error: str, excerpt: str = "") -> None:
    held = Lease.take(line.delivery.pk)
    assert held is not None
    tried = Tried(held.now(), status, "retry", error, 1.4, 1, 10, 0, 0, excerpt, None)
    settle(held, Step(0, tried=[tried]))
    held.release()


def test_a_long_error_and_a_long_answer_are_kept_as_far_as_their_columns_go() -> None:
    with a_line() as line:
        settle_tried(line, status=None, error="e" * 201, excerpt="x\0" * 501)
        attempt = Attempt.objects.get()
        assert (attempt.error, attempt.excerpt) == ("e" * 200, "x" * 500)


def test_attempts_are_counted_by_status_and_those_without_an_answer_as_none() -> None:
    with a_line() as line:
        for status in (503, 503, None):
            settle_tried(line, status=status, error="")
        # A minute may end between two attempts.
        counted = Counter[str]()
        for answer, count in line.delivery.attemptcount_set.values_list("answer", "count"):
            counted[answer] += count
        assert counted == {"503": 2, "none": 1}


def away(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """The database fails so many statements of a settle, none of which it has carried out."""
    failed: list[str] = []

    def execute(query: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
        if len(failed) < times:
            failed.append(query)
            raise OperationalError("server closed the connection unexpectedly")
        return sql.execute(query, terms)

    monkeypatch.setattr(settling, "REPEAT_SECONDS", 0.01)
    monkeypatch.setattr(settling, "execute", execute)
    return failed


def test_while_the_lease_lasts_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        line.feed(3)
        failed = away(monkeypatch, times=4)
        assert line.deliver() == "idle"
        assert len(failed) == 4
        assert line.outcomes() == {"delivered": 3}
        assert line.sandbox.stats()["requests"] == 1


def test_once_the_lease_is_over_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        held = Lease.take(line.delivery.pk)
        assert held is not None
        away(monkeypatch, times=1_000)
        held.until = time.monotonic() + 0.2
        with pytest.raises(LeaseLost):
            settle(held, Step(0))
        with pytest.raises(LeaseLost):
            note_trouble(held, Trouble(1.0))
        monkeypatch.undo()
        held.release()
