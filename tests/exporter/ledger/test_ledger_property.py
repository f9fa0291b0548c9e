"""The ledger balances in any history; and would not, if settling went wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from exporter.delivery import reader
from exporter.delivery import settle as settling
from exporter.delivery.settle_sql import SETTLE
from exporter.ledger.check import check
from exporter.sandbox.handle import running_sandbox
from exporter.sql import execute
from tests.support.delivering import Line
from tests.support.histories import History
from tests.support.reached import Reached
from tests.support.replay_histories import ReplayHistory

pytestmark = pytest.mark.django_db(transaction=True)

Execute = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]

# More on demand: CURRENTS_HISTORIES=5000.
HISTORIES = int(os.environ.get("CURRENTS_HISTORIES") or (200 if os.environ.get("CI") == "true" else 15))
STEPS = 30
PATIENT = settings(deadline=None, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck))
# So many of them tell what histories get to, and each kind is got to by so many at least; but for those that are rare.
TELLING, AT_LEAST = 100, 0.01
RARE = {Reached.CRASHED_IN_A_TURN, Reached.LOST_IN_A_SET, Reached.RETRIED, Reached.STOPPED}


@pytest.fixture(autouse=True)
def _sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_sandbox(remember=1_000_000) as sandbox:
        monkeypatch.setattr(django_settings, "SEGMENT_URLS", {"us": sandbox.url, "eu": sandbox.url})
        monkeypatch.setattr(History, "sandbox", sandbox, raising=False)
        yield


def test_every_event_is_accounted_for_whatever_happens() -> None:
    History.reached.clear()
    run_state_machine_as_test(History, settings=settings(PATIENT, max_examples=HISTORIES))
    if HISTORIES >= TELLING:
        missed = [kind for kind in set(Reached) - RARE if History.reached[kind] < AT_LEAST * HISTORIES]
        assert not missed, (
            f"these histories hardly show anything of: {missed}; they reached {History.reached}"
        )


@pytest.mark.parametrize("much", [reader.MUCH, 1], ids=["alone", "with a converter"])
def test_every_event_has_one_outcome_whatever_is_replayed(much: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MUCH", much)
    ReplayHistory.recovered.clear()
    many = max(5, HISTORIES // 25)
    run_state_machine_as_test(ReplayHistory, settings=settings(PATIENT, max_examples=many))
    if many >= TELLING:
        assert ReplayHistory.recovered["expired"] >= many // 10, ReplayHistory.recovered
        assert ReplayHistory.recovered["rejected"], ReplayHistory.recovered


def differences(monkeypatch: pytest.MonkeyPatch, broken: Execute) -> list[str]:
    """What `check_ledger` finds after one delivery through a broken settle."""
    with monkeypatch.context() as patch:
        patch.setattr(settling, "execute", broken)
        line = Line(History.sandbox)
        line.feed(10)
        line.deliver()
    return [found.sentence for found in check()]


def test_settling_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    unfenced = without("AND d.cursor = %(old)s")

    def twice(query: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
        if query == SETTLE:
            execute(unfenced, parameters)
            return execute(unfenced, parameters)
        return execute(query, parameters)

    assert any("deliverytotal holds 20" in sentence for sentence in differences(monkeypatch, twice))


def test_a_settle_that_writes_nothing_but_the_cursor_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def skipping(query: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
        if query == SETTLE:
            skipped: dict[str, list[object]] = {
                name: [] for name, value in parameters.items() if isinstance(value, list)
            }
            return execute(query, parameters | skipped)
        return execute(query, parameters)

    assert any("deliverytotal holds 0" in sentence for sentence in differences(monkeypatch, skipping))


def without(fence: str) -> str:
    """The settle without the fence, and without the constraint on settled ranges that often stops it all the same."""
    last_guard = "WHERE place > 1 OR NOT EXISTS (SELECT 1 FROM grown)"
    broken = SETTLE.replace(fence, "").replace(last_guard, f"{last_guard} ON CONFLICT DO NOTHING")
    assert len(broken) == len(SETTLE) - len(fence) + len(" ON CONFLICT DO NOTHING"), "the statement changed"
    return broken
