"""Whatever comes between: what was accepted is settled, what was not is kept, and nothing goes out twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from connectors.setup import lifecycle
from exporter import sql
from exporter.delivery import lease as leases
from exporter.delivery import settle as settling
from exporter.delivery import turn
from exporter.delivery.deliver import deliver
from exporter.delivery.halving import Halving
from exporter.delivery.in_flight import InFlight as InFlight
from exporter.delivery.lease import Lease
from exporter.delivery.settle_sql import SETTLE
from exporter.dispatch.shutdown import stopping
from exporter.models import Attempt, Delivery, RejectedEvent
from tests.support.delivering import NOBODY, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)

Interruption = Callable[[Line], None]


@pytest.fixture(autouse=True)
def _nobody_stops() -> Iterator[None]:
    yield
    stopping.clear()


def pause(line: Line) -> None:
    lifecycle.pause(line.connector, by=NOBODY)


def rotate(line: Line) -> None:
    lifecycle.rotate(line.connector, write_key="the-key-after-rotation", region="us", by=NOBODY)


def stop(_line: Line) -> None:
    stopping.set()


def lose_the_lease(_line: Line) -> None:
    Delivery.objects.update(lease_token="00000000-0000-0000-0000-000000000001")


def one_503(line: Line) -> None:
    line.sandbox.fail(status=503, count=1)


def reject_the_key(line: Line) -> None:
    line.sandbox.fail(status=401)


def while_halving(
    monkeypatch: pytest.MonkeyPatch, line: Line, interruption: Interruption, at: int = 3
) -> None:
    """Does it right before the `at`-th request of a halving."""
    send = Halving._send
    requests: list[bool] = []

    def interrupted(self: Halving, body: Any) -> Any:
        requests.append(True)
        if len(requests) == at:
            interruption(line)
        return send(self, body)

    monkeypatch.setattr(Halving, "_send", interrupted)


def heal(line: Line) -> None:
    """Everything as it should be again, but for the one event that is refused."""
    stopping.clear()
    line.sandbox.heal()
    line.sandbox.fail(status=400, match={"message_id": "event-700"})
    line.connector.refresh_from_db()
    if line.connector.state == "paused":
        lifecycle.resume(line.connector, by=NOBODY)
    Delivery.objects.update(lease_until=None, next_attempt_at=None)


@pytest.mark.parametrize(
    ("interruption", "ends", "stopped"),
    [
        (pause, "behind", ""),
        (rotate, "behind", ""),
        (stop, "behind", ""),
        (lose_the_lease, "lost", ""),
        (one_503, "failed", ""),
        (reject_the_key, "failed", "key_rejected"),
    ],
)
def test_a_halving_that_is_interrupted_rejects_nothing_and_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch, interruption: Interruption, ends: str, stopped: str
) -> None:
    with a_line() as line:
        line.feed(1_000)
        line.sandbox.fail(status=400, match={"message_id": "event-700"})
        with monkeypatch.context() as patch:
            while_halving(patch, line, interruption)
            assert line.deliver() == ends
        delivery = line.delivery
        assert (delivery.cursor, delivery.stopped) == (500, stopped)
        assert not RejectedEvent.objects.exists()
        heal(line)
        for _ in range(3):
            line.deliver()
        assert line.outcomes() == {"delivered": 999, "rejected": 1}
        assert line.sandbox.stats()["duplicates"] == 0


@pytest.mark.parametrize("interruption", [pause, stop])
def test_a_halving_sends_nothing_more_once_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, interruption: Interruption
) -> None:
    with a_line() as line:
        line.feed(1_000)
        line.sandbox.fail(status=400, match={"message_id": "event-700"})
        while_halving(monkeypatch, line, interruption)
        line.deliver()
        assert line.sandbox.stats()["requests"] == 3, "the body and two pieces of it"
        assert line.delivery.lease_token is None
        heal(line)
        line.deliver()


def test_a_rotation_while_a_body_is_halved_uses_the_new_key_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        line.feed(1_000)
        line.sandbox.fail(status=400, match={"message_id": "event-700"})
        while_halving(monkeypatch, line, rotate)
        while line.deliver() == "behind":
            pass
        keys = [request["key4"] for request in line.sandbox.requests()]
        assert keys[:3] == ["dbox"] * 3
        assert set(keys[3:]) == {"tion"}


def in_the_background(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    tick = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it never came")


def test_a_stop_cuts_an_answer_that_does_not_come_and_keeps_the_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turn, "STOP_SECONDS", 0.3)
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(status=200, delay_ms=60_000, count=1)
        worker = in_the_background(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        stopping.set()
        worker.join(15)
        assert not worker.is_alive()
        delivery = line.delivery
        assert (delivery.cursor, delivery.lease_token) == (0, None)
        heal(line)
        line.deliver()
        assert line.outcomes() == {"delivered": 10}


def test_a_stop_waits_for_an_answer_that_comes_in_time() -> None:
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(status=200, store=True, delay_ms=600, count=1)
        worker = in_the_background(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        stopping.set()
        worker.join(15)
        assert (line.delivery.cursor, line.delivery.lease_token) == (10, None)
        assert line.sandbox.stats()["requests"] == 1


def test_the_last_moment_of_a_lease_that_cannot_be_renewed_cuts_what_flies(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.CURRENTS_LEASE_SECONDS = 3.0
    left_at_the_cut: list[float] = []
    cut = InFlight.cut

    def noted(self: InFlight) -> None:
        left_at_the_cut.append(self.lease.seconds_left)
        cut(self)

    def never(_self: Lease) -> bool:
        raise OperationalError("the database is away")

    with a_line() as line:
        line.feed(5)
        line.sandbox.fail(status=200, delay_ms=60_000, count=1)
        with monkeypatch.context() as patch:
            patch.setattr(InFlight, "cut", noted)
            patch.setattr(leases.Lease, "renew", never)
            line.deliver()
        assert 0 < left_at_the_cut[0] <= turn.LAST_MOMENT
        heal(line)
        line.deliver()


def end_all_other_backends() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def test_a_database_that_dies_with_accepted_bodies_in_flight_costs_no_repetition() -> None:
    with a_line() as line:
        line.feed(3_000, campaign_name="x" * 400)
        line.sandbox.fail(status=200, store=True, delay_ms=500)
        worker = in_the_background(lambda: deliver(line.delivery.pk))
        until(lambda: line.sandbox.stats()["in_flight"] == 1)
        end_all_other_backends()
        worker.join(60)
        for _ in range(3):
            Delivery.objects.update(next_attempt_at=None)
            line.deliver()
        assert line.outcomes() == {"delivered": 3_000}
        assert line.sandbox.stats()["duplicates"] == 0


def lose_the_answer_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The first settle is committed, and its connection breaks before we hear of it."""
    lost: list[bool] = []

    def execute(query: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
        rows = sql.execute(query, terms)
        if query is SETTLE and not lost:
            lost.append(True)
            connection.close()
            raise OperationalError("the connection broke")
        return rows

    monkeypatch.setattr(settling, "execute", execute)
    return lost


@pytest.mark.parametrize("status", [200, 503])
def test_a_settle_whose_answer_was_lost_counts_once(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(status=status, store=status == 200, count=1)
        assert lose_the_answer_once(monkeypatch) == []
        line.deliver()
        assert Attempt.objects.count() == 1
        assert line.delivery.failures == (1 if status == 503 else 0)
        Delivery.objects.update(next_attempt_at=None)
        line.deliver()
        assert line.outcomes() == {"delivered": 10}
