"""When the coordinator settles: what has landed waits for company, shortly, and for nothing where none can come."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence

import pytest

from exporter.delivery.lanes import coordinator as coordinators
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.coordinator import SETTLE_AT, SETTLE_SECONDS, Coordinator
from exporter.delivery.lanes.flights import Flying
from exporter.delivery.lanes.settle_many import Landed


class _Flights:
    """So many requests under way, none of them answered."""

    def __init__(self, count: int) -> None:
        self.healthy = self._count = count
        self.looked = time.monotonic()
        self.answered = False

    def __len__(self) -> int:
        return self._count

    def collect(self, _clock: float) -> Iterator[Flying]:
        return iter(())

    def look_after(self, now: float) -> None:
        self.looked = now


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were settled together, each time."""
    found: list[int] = []

    def settle_many(landed: Sequence[Landed]) -> set[int]:
        found.append(len(landed))
        return set()

    monkeypatch.setattr(coordinators, "settle_many", settle_many)
    monkeypatch.setattr(Coordinator, "_claim", lambda _self: None)
    return found


def with_landed(count: int, flying: int) -> Coordinator:
    coordinator = Coordinator(lambda _delivery_id: None)
    coordinator.flights = _Flights(flying)  # type: ignore[assignment]
    for number in range(count):
        claimed = Claimed(number, number, 1, 0, 1, 1, uuid.uuid4(), time.monotonic() + 30, [])
        coordinator._land(Landed(claimed, None, None))
    return coordinator


def test_what_has_landed_waits_for_company_and_no_longer_than_stated(settled: list[int]) -> None:
    coordinator = with_landed(2, flying=3)
    coordinator._landed_since = time.monotonic() + 60
    assert coordinator.step() > SETTLE_SECONDS
    assert settled == []
    coordinator._landed_since = time.monotonic() - SETTLE_SECONDS
    coordinator.step()
    assert settled == [2]


def test_where_nothing_more_can_come_nothing_is_waited_for(settled: list[int]) -> None:
    coordinator = with_landed(2, flying=0)
    coordinator._landed_since = time.monotonic() + 60
    coordinator.step()
    assert settled == [2]


def test_where_much_has_landed_nothing_is_waited_for(settled: list[int]) -> None:
    coordinator = with_landed(SETTLE_AT, flying=3)
    coordinator._landed_since = time.monotonic() + 60
    coordinator.step()
    assert settled == [SETTLE_AT]
