"""Whoever fails again waits longer, whatever it is that fails, and an attempt says how long."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from exporter.actions import retries
from exporter.delivery import failure, reader
from exporter.delivery.deliver import deliver
from exporter.models import Attempt, Delivery
from tests.exporter.delivery.test_failure import seconds_to_next_attempt
from tests.support.delivering import NOBODY, a_line

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is a random part of the back-off; here it is all of it."""
    monkeypatch.setattr(random, "random", lambda: 1.0)


def test_each_failure_in_a_row_doubles_the_wait() -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=503)
        for failures, seconds in ((0, 1), (1, 2), (2, 4)):
            Delivery.objects.update(failures=failures, next_attempt_at=None)
            assert line.deliver() == "failed"
            assert seconds - 1 < seconds_to_next_attempt(line) <= seconds
        line.sandbox.heal()
        line.make_due()
        line.deliver()


def test_it_is_doubled_too_where_single_events_were_tried_in_vain() -> None:
    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=503)
        Delivery.objects.update(failures=failure.SUSPECT_AFTER)
        assert line.deliver() == "failed"
        assert line.sandbox.stats()["requests"] == 3
        assert 7 < seconds_to_next_attempt(line) <= 8
        line.sandbox.heal()
        line.make_due()
        line.deliver()


def test_it_is_doubled_too_where_the_fault_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        line.feed(5)
        for failures, seconds in ((0, 1), (2, 4)):
            Delivery.objects.update(failures=failures, next_attempt_at=None)
            with monkeypatch.context() as patch:
                patch.setattr(reader, "convert", lambda _line, _plan: 1 / 0)
                assert line.deliver() == "failed"
            assert seconds - 1 < seconds_to_next_attempt(line) <= seconds
        line.make_due()
        line.deliver()


def test_it_is_doubled_too_for_a_retry_of_rejected_events() -> None:
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
        attempt = Attempt.objects.get(delivery=retry)
        assert attempt.next_attempt_at is not None
        assert timedelta(seconds=3) < attempt.next_attempt_at - attempt.at < timedelta(seconds=5)
        line.sandbox.heal()
        Delivery.objects.filter(pk=retry.pk).update(next_attempt_at=None)
        assert deliver(retry.pk) == "done"


def test_the_attempt_that_failed_says_when_the_next_one_is_and_no_other_does() -> None:
    with a_line(latency_ms=150) as line:
        line.feed(20_000, campaign_name="x" * 400)
        line.sandbox.fail(status=503, match={"message_id": "event-9000"}, count=1)
        assert line.deliver() == "failed"
        told = dict(Attempt.objects.values_list("status", "next_attempt_at"))
        assert told[503] is not None
        assert not Attempt.objects.filter(status=200).exclude(next_attempt_at=None).exists()
        line.make_due()
        line.deliver()
