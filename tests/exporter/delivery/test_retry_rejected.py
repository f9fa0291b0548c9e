"""A retry of rejected events in bad weather: an event has one outcome, and nothing spins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from exporter import sql
from exporter.actions import retries
from exporter.delivery import settle as settling
from exporter.delivery.deliver import deliver
from exporter.delivery.settle_sql import SETTLE
from exporter.models import Delivery, RejectedEvent
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


def test_a_key_that_is_rejected_stops_the_retry_and_keeps_its_events() -> None:
    with a_line() as line:
        made = rejected(line, bad=(1, 3, 5))
        line.sandbox.fail(status=401)
        assert deliver(made.pk) == "failed"
        assert Delivery.objects.get(pk=made.pk).stopped == "key_rejected"
        line.sandbox.heal()
        due_again(made)
        assert deliver(made.pk) == "done"
        assert line.outcomes()["rejected"] == 1, "the one that was asked first stays for the next retry"
