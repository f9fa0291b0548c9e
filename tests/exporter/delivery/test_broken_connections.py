"""Connections that break in the middle, to the database and to the destination, cost no event and repeat none."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from exporter import sql
from exporter.delivery import lease as leases
from exporter.delivery import settle as settling
from exporter.delivery.settle_sql import SETTLE
from exporter.destinations import flight, sender
from exporter.models import Attempt
from tests.support.delivering import a_line
from tests.support.log_lines import lines_of
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_settle_whose_connection_broke_after_the_commit_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        line.feed(10)
        break_once(monkeypatch, after=True)
        line.deliver()
        assert line.outcomes() == {"delivered": 10}
        assert Attempt.objects.count() == 1


def test_a_settle_whose_connection_broke_before_the_commit_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        line.feed(10)
        break_once(monkeypatch, after=False)
        line.deliver()
        assert line.outcomes() == {"delivered": 10}
        assert line.sandbox.stats()["requests"] == 1


def break_once(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The server ends our connection at the first settle: before the statement, or after it committed."""
    run = sql.execute
    broken: list[bool] = []

    def breaking(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        if query is SETTLE and not broken:
            broken.append(True)
            if after:
                run(query, parameters)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            end_backend(pid)
        return run(query, parameters)

    monkeypatch.setattr(settling, "execute", breaking)


def end_backend(pid: int) -> None:
    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            assert cursor.fetchone() == (True,)

    in_thread(end).join()


def test_an_idle_connection_the_other_end_closed_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flight, "IDLE_SECONDS", 0.0)
    sender.close_idle()
    with a_line() as line:
        line.feed(1)
        line.deliver()
        line.feed(1)
        rule = line.sandbox.fail(reset=True, count=1)
        assert line.deliver() == "idle"
        assert line.sandbox.uses(rule) == 1
        assert line.outcomes() == {"delivered": 2}


@pytest.mark.parametrize("status", [200, 500])
def test_an_interim_answer_decides_nothing(status: int) -> None:
    with a_line() as line:
        line.feed(10)
        line.sandbox.fail(interim=103, status=status, count=1)
        assert line.deliver() == ("idle" if status == 200 else "failed")
        assert Attempt.objects.get().status == status
        line.make_due()
        line.deliver()
        assert line.outcomes() == {"delivered": 10}


def test_a_lease_that_could_not_be_released_is_released_when_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = [True, True, True]

    def breaking(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        if query is leases._RELEASE and away:
            away.pop()
            raise OperationalError("the database is starting up")
        return sql.execute(query, parameters)

    monkeypatch.setattr(leases, "execute", breaking)
    with a_line() as line:
        line.feed(1)
        line.deliver()
        assert away == []
        assert (line.delivery.lease_token, line.delivery.lease_until) == (None, None)


def test_a_lease_whose_answer_was_lost_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[list[tuple[Any, ...]]] = []

    def losing(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        rows = sql.execute(query, parameters)
        if query is leases._TAKE and not lost:
            lost.append(rows)
            raise OperationalError("the connection ended")
        return rows

    monkeypatch.setattr(leases, "execute", losing)
    with a_line() as line:
        line.feed(1)
        with pytest.raises(OperationalError):
            line.deliver()
        assert len(lost[0]) == 1, "it was taken"
        assert line.deliver() == "idle"
        assert (line.outcomes(), line.delivery.careful_until) == ({"delivered": 1}, None)


def test_a_release_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        if query is leases._RELEASE:
            raise OperationalError("the database is away")
        return sql.execute(query, parameters)

    monkeypatch.setattr(leases, "execute", away)
    monkeypatch.setattr(leases, "RELEASE_SECONDS", 0.3)
    with a_line() as line:
        line.feed(1)
        line.deliver()
        assert [told["delivery"] for told in lines_of(caplog, "lease.not_released")] == [line.delivery.pk]
