"""What a settle writes of attempts."""

from __future__ import annotations

import pytest

from exporter.delivery.lease import Lease
from exporter.delivery.settle import Step, Tried, settle
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
        counted = line.delivery.attemptcount_set.values_list("answer", "count")
        assert sorted(counted) == [("503", 2), ("none", 1)]
