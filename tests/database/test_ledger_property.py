"""The ledger balances after every step of any history; and would not, if settling went wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from exporter.delivery import settle as settling
from exporter.delivery import turn
from exporter.delivery.lease import Lease
from exporter.delivery.raw import execute
from exporter.delivery.statement import SETTLE
from exporter.sandbox.handle import running_sandbox
from tests.database.histories import History

pytestmark = pytest.mark.django_db(transaction=True)

# More on demand: CURRENTS_HISTORIES=5000.
HISTORIES = int(os.environ.get("CURRENTS_HISTORIES") or (200 if os.environ.get("CI") == "true" else 25))
STEPS = 30
PATIENT = settings(deadline=None, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck))
# No shrinking: it is enough that it is seen.
SEEING = settings(
    PATIENT, max_examples=100, phases=[Phase.generate], derandomize=True, database=None, print_blob=False
)
_FENCE = "AND d.lease_token = %(token)s AND d.cursor = %(old)s"


@pytest.fixture(autouse=True)
def _sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_sandbox(remember=1_000_000) as sandbox:
        monkeypatch.setattr(django_settings, "SEGMENT_URLS", {"us": sandbox.url, "eu": sandbox.url})
        monkeypatch.setattr(History, "sandbox", sandbox, raising=False)
        yield


def test_every_event_is_accounted_for_whatever_happens() -> None:
    run_state_machine_as_test(History, settings=settings(PATIENT, max_examples=HISTORIES))


def test_settling_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    unfenced = SETTLE.replace("AND d.cursor = %(old)s", "")
    assert unfenced != SETTLE

    def twice(query: str, parameters: dict[str, object]) -> list[tuple[object, ...]]:
        if query == SETTLE:
            execute(unfenced, parameters)
            return execute(unfenced, parameters)
        return execute(query, parameters)

    monkeypatch.setattr(settling, "execute", twice)
    # Where the second one would begin a range again, the database refuses it before anybody has to look.
    with pytest.raises((AssertionError, IntegrityError)):
        run_state_machine_as_test(History, settings=SEEING)


def test_skipping_a_settle_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def skipping(lease: Lease, step: settling.Step) -> None:
        execute(
            "UPDATE exporter_delivery SET cursor = %(cursor)s WHERE id = %(id)s AND lease_token = %(token)s",
            {"cursor": step.cursor, "id": lease.delivery_id, "token": lease.token},
        )
        lease.cursor = step.cursor

    monkeypatch.setattr(turn, "settle", skipping)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(History, settings=SEEING)


def test_ignoring_a_lost_lease_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _FENCE in SETTLE
    monkeypatch.setattr(settling, "SETTLE", SETTLE.replace(_FENCE, ""))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(History, settings=SEEING)
