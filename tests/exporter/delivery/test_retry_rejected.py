"""A retry of rejected events in bad weather: an event has one outcome, and nothing spins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from connectors.models import WriteKey
from exporter import sql
from exporter.actions import retries
from exporter.delivery import retry_rejected
from exporter.delivery import settle as settling
from exporter.delivery.deliver import deliver
from exporter.delivery.in_flight import InFlight
from exporter.delivery.settle_sql import SETTLE
from exporter.dispatch.shutdown import stopping
from exporter.models import Delivery, RejectedEvent
from exporter.reports import rejected as rejections
from tests.support.damaging import cut_payload, mend
from tests.support.delivering import NOBODY, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


def rejected(line: Line, bad: tuple[int, ...] = (1, 3)) -> Delivery:
    """A retry of events that Segment refused before."""
    line.feed(6)
    for number in bad:
        line.sandbox.fail(status=400, match={"message_id": f"event-{number}"})
    while line.deliver() == "behind":
        pass
    line.sandbox.heal()
    assert line.outcomes() == {"delivered": 6 - len(bad), "rejected": len(bad)}
    return retries.retry_all(line.connector, NOBODY)


def due_again(made: Delivery) -> None:
    Delivery.objects.filter(pk=made.pk).update(next_attempt_at=None)


def lose_the_connection() -> None:
    connection.connection.close()


def test_a_connection_lost_before_the_settle_is_opened_again_and_nothing_is_sent_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: list[bool] = []

    def execute(query: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
        if query is SETTLE and not lost:
            lost.append(True)
            lose_the_connection()
        return sql.execute(query, terms)

    with a_line() as line:
        made = rejected(line)
        monkeypatch.setattr(settling, "execute", execute)
        requests = line.sandbox.stats()["requests"]
        assert deliver(made.pk) == "done"
        assert lost
        assert line.sandbox.stats()["requests"] == requests + 1
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_a_commit_whose_answer_was_lost_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[bool] = []

    @contextmanager
    def atomic() -> Iterator[None]:
        with transaction.atomic():
            yield
        if not lost:
            lost.append(True)
            lose_the_connection()
            raise OperationalError("the answer to the commit never came")

    class Losing:
        pass

    Losing.atomic = staticmethod(atomic)  # type: ignore[attr-defined]
    with a_line() as line:
        made = rejected(line)
        monkeypatch.setattr(settling, "transaction", Losing)
        assert deliver(made.pk) == "done"
        assert lost
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_an_event_whose_batch_is_damaged_stays_rejected_and_the_retry_ends() -> None:
    with a_line() as line:
        made = rejected(line)
        damaged = cut_payload(0)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 4, "rejected": 2}
        mend(damaged)


def test_a_bug_in_a_retry_has_a_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line:
        made = rejected(line)
        with monkeypatch.context() as patch:
            patch.setattr(settling, "_ranges", lambda _pieces: 1 / 0)
            assert deliver(made.pk) == "failed"
            assert deliver(made.pk) == "held"
        due_again(made)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_one_event_a_firewall_dislikes_does_not_stop_the_retry_of_the_others(status: int) -> None:
    with a_line() as line:
        made = rejected(line)
        line.sandbox.fail(status=status, match={"message_id": "event-1"})
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 5, "rejected": 1}
        assert f"Segment answered {status}" in RejectedEvent.objects.get().reason


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_rejected_key_stops_the_retry_and_its_first_event_is_kept_like_the_others(status: int) -> None:
    with a_line() as line:
        made = rejected(line, bad=(1, 3, 5))
        reasons = set(RejectedEvent.objects.values_list("reason", flat=True))
        requests = line.sandbox.stats()["requests"]
        line.sandbox.fail(status=status)
        assert deliver(made.pk) == "failed"
        assert line.sandbox.stats()["requests"] == requests + 3, "all three, and two of them alone"
        stopped = Delivery.objects.get(pk=made.pk)
        assert (stopped.stopped, stopped.cursor) == (
            "request_refused" if status == 404 else "key_rejected",
            stopped.start,
        )
        assert set(RejectedEvent.objects.values_list("reason", flat=True)) == reasons, "nothing was judged"
        due_again(made)
        assert deliver(made.pk) == "failed"
        line.sandbox.heal()
        due_again(made)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_a_rejected_key_is_told_as_for_a_live_delivery() -> None:
    with a_line() as line:
        made = rejected(line)
        line.sandbox.fail(status=401)
        assert deliver(made.pk) == "failed"
        assert WriteKey.objects.get(connector=line.connector).rejected_at is not None
        found = rejections.progress(line.connector)
        assert found is not None
        assert found.stopped == "key_rejected"


def test_a_lone_event_that_may_be_at_fault_stays_until_the_key_is_known_to_be_good() -> None:
    with a_line() as line:
        made = rejected(line, bad=(1,))
        line.sandbox.fail(status=401)
        assert deliver(made.pk) == "failed"
        assert Delivery.objects.get(pk=made.pk).stopped == "key_rejected"
        line.sandbox.heal()
        due_again(made)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_what_is_refused_for_its_own_sake_behind_a_suspect_stops_nothing() -> None:
    with a_line() as line:
        made = rejected(line, bad=(0, 1, 2, 3, 4))
        line.sandbox.fail(status=403, match={"message_id": "event-0"})
        for number in (1, 3):
            line.sandbox.fail(status=400, match={"message_id": f"event-{number}"})
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 3, "rejected": 3}
        numbers = set(RejectedEvent.objects.values_list("event_number", flat=True))
        assert numbers == {0, 1, 3}


def test_what_cannot_be_read_behind_a_suspect_stays_rejected_and_the_ledger_balances() -> None:
    with a_line() as line:
        rejected(line, bad=(0,)).delete()
        for bad in ((6, 7, 8), (10,)):
            line.feed(4 if line.fed == 6 else 2)
            for number in bad:
                line.sandbox.fail(status=400, match={"message_id": f"event-{number}"})
            while line.deliver() == "behind":
                pass
        line.sandbox.heal()
        made = retries.retry_all(line.connector, NOBODY)
        line.sandbox.fail(status=403, match={"message_id": "event-0"})
        damaged = cut_payload(6)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 8, "rejected": 4}
        numbers = set(RejectedEvent.objects.values_list("event_number", flat=True))
        assert numbers == {0, 6, 7, 8}
        mend(damaged)


def test_one_event_that_breaks_the_destination_does_not_hold_the_retry_of_the_others() -> None:
    with a_line() as line:
        made = rejected(line, bad=(1, 3, 5))
        line.sandbox.fail(status=500, match={"message_id": "event-3"})
        for _ in range(12):
            if deliver(made.pk) == "done":
                break
            due_again(made)
        assert line.outcomes() == {"delivered": 5, "rejected": 1}
        assert "Segment answered 500" in RejectedEvent.objects.get().reason


def test_a_destination_that_is_down_rejects_nothing_anew() -> None:
    with a_line() as line:
        made = rejected(line, bad=(1, 3, 5))
        reasons = set(RejectedEvent.objects.values_list("reason", flat=True))
        line.sandbox.fail(status=503)
        for _ in range(8):
            assert deliver(made.pk) == "failed"
            due_again(made)
        assert set(RejectedEvent.objects.values_list("reason", flat=True)) == reasons
        line.sandbox.heal()
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_a_stop_cuts_an_answer_that_does_not_come_and_keeps_the_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry_rejected, "STOP_SECONDS", 0.1)
    with a_line() as line:
        made = rejected(line)
        line.sandbox.fail(status=200, delay_ms=60_000, count=1)
        threading.Timer(0.2, stopping.set).start()
        try:
            assert deliver(made.pk) == "failed"
        finally:
            stopping.clear()
        line.sandbox.heal()
        due_again(made)
        assert deliver(made.pk) == "done"
        assert line.outcomes() == {"delivered": 6, "rejected": 0}


def test_an_answer_is_waited_for_and_not_asked_for_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    wait = InFlight.wait

    def noting(line: InFlight, seconds: float) -> None:
        waited.append(seconds)
        wait(line, seconds)

    with a_line() as line:
        made = rejected(line)
        line.sandbox.fail(status=200, store=True, delay_ms=400, count=1)
        monkeypatch.setattr(InFlight, "wait", noting)
        assert deliver(made.pk) == "done"
        assert waited
        assert min(waited) > 0
