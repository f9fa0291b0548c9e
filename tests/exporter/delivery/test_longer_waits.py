"""Whoever fails again waits longer, whatever it is that fails, and an attempt says how long."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from exporter.actions import retries
from exporter.delivery import failure, reader, retry_rejected, turn
from exporter.delivery.deliver import deliver
from exporter.delivery.lease import Lease
from exporter.delivery.settle import settle
from exporter.delivery.step import Step
from exporter.delivery.window import SendWindow
from exporter.models import Attempt, Delivery
from tests.support.delivering import NOBODY, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every back-off that is settled. A wait is a random part of the back-off; here it is all of it."""
    found: list[float] = []

    def noting(lease: Lease, step: Step, **more: Any) -> None:
        if step.trouble is not None:
            found.append(step.trouble.wait)
        settle(lease, step, **more)

    monkeypatch.setattr(random, "random", lambda: 1.0)
    for module in (turn, retry_rejected):
        monkeypatch.setattr(module, "settle", noting)
    return found


def fail_after(line: Line, failures: int) -> None:
    Delivery.objects.update(failures=failures, next_attempt_at=None)
    assert line.deliver() == "failed"


def recover(line: Line) -> None:
    line.sandbox.heal()
    line.make_due()
    line.deliver()


def test_each_failure_in_a_row_doubles_the_wait(waits: list[float]) -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=503)
        for failures in (0, 1, 2):
            fail_after(line, failures)
        assert waits == [1.0, 2.0, 4.0]
        recover(line)


def test_it_is_doubled_too_where_single_events_were_tried_in_vain(waits: list[float]) -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=503)
        fail_after(line, failure.SUSPECT_AFTER)
        assert line.sandbox.stats()["requests"] == 3
        assert waits == [8.0]
        recover(line)


def test_it_is_doubled_too_where_the_fault_is_ours(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_line() as line:
        line.feed(5)
        with monkeypatch.context() as patch:
            patch.setattr(reader, "convert", lambda _line, _plan: 1 / 0)
            for failures in (0, 2):
                fail_after(line, failures)
        assert waits == [1.0, 4.0]
        recover(line)


def test_it_is_doubled_too_for_a_retry_of_rejected_events(waits: list[float]) -> None:
    with a_line() as line:
        line.feed(3)
        line.sandbox.fail(status=400, match={"message_id": "event-1"})
        while line.deliver() == "behind":
            pass
        line.sandbox.heal()
        retry = retries.retry_all(line.connector, NOBODY)
        line.sandbox.fail(status=503)
        Delivery.objects.filter(pk=retry.pk).update(failures=2)
        assert deliver(retry.pk) == "failed"
        assert waits == [4.0]
        line.sandbox.heal()
        Delivery.objects.filter(pk=retry.pk).update(next_attempt_at=None)
        assert deliver(retry.pk) == "done"


def test_the_attempt_that_failed_says_when_the_next_one_is_and_no_other_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SendWindow, "width", property(lambda _self: 4))
    with a_line() as line:
        Delivery.objects.update(small_bodies_until=timezone.now() + timedelta(hours=1))
        line.feed(800, campaign_name="x" * 400)
        line.sandbox.fail(status=503, delay_ms=300, match={"message_id": "event-200"}, count=1)
        assert line.deliver() == "failed"
        assert Attempt.objects.get(status=503).next_attempt_at is not None
        assert not Attempt.objects.filter(status=200).exclude(next_attempt_at=None).exists()
        recover(line)
