"""The lanes of a process: who is behind goes on, who is not is let go, and a process that ends waits for its lanes."""

from __future__ import annotations

import pytest

from exporter.delivery.lanes import process
from exporter.delivery.lanes.process import Lanes
from exporter.delivery.result import Ended


class _Turns:
    """Turns that end as they are told, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ended: Ended | Exception) -> None:
        self._ended = list(ended)
        monkeypatch.setattr(process, "deliver", self.deliver)
        monkeypatch.setattr(process, "moved_on", lambda delivery_id: delivery_id * 10)

    def deliver(self, _delivery_id: int) -> Ended:
        ended = self._ended.pop(0)
        if isinstance(ended, Exception):
            raise ended
        return ended


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Lanes:
    """Without a coordinating thread."""
    made = Lanes()
    monkeypatch.setattr(Lanes, "wake", lambda self, workspaces: self.coordinator.wake(workspaces))
    made.coordinator._apart.add(7)
    return made


def test_a_backlog_that_is_behind_goes_on_and_stays_apart(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Turns(monkeypatch, Ended.BEHIND)
    assert lanes._bulk_turn(7)
    assert lanes.coordinator._apart == {7}


@pytest.mark.parametrize("ended", [Ended.FAILED, Ended.HELD, Ended.LOST])
def test_whoever_is_not_behind_may_be_claimed_again(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch, ended: Ended
) -> None:
    _Turns(monkeypatch, ended)
    assert not lanes._bulk_turn(7)
    assert lanes.coordinator._apart == set()
    assert len(lanes.coordinator.agenda) == 0


def test_what_came_at_the_end_of_a_turn_is_looked_at_at_once(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Turns(monkeypatch, Ended.IDLE)
    assert not lanes._bulk_turn(7)
    assert lanes.coordinator.agenda.take(10, float("inf")) == [70]


def test_a_turn_that_breaks_off_lets_its_delivery_go(lanes: Lanes, monkeypatch: pytest.MonkeyPatch) -> None:
    _Turns(monkeypatch, RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        lanes._bulk_turn(7)
    assert lanes.coordinator._apart == set()


def test_a_failing_connector_goes_on_only_where_it_is_behind(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Turns(monkeypatch, Ended.BEHIND, Ended.IDLE, Ended.FAILED)
    assert [lanes._retry_turn(7) for _ in range(3)] == [True, False, False]


def test_a_process_that_ends_waits_for_its_lanes_and_for_none_where_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[bool] = []

    class _Current:
        def join(self) -> None:
            waited.append(True)

    monkeypatch.setattr(process, "_current", None)
    process._end()
    assert waited == []
    monkeypatch.setattr(process, "_current", _Current())
    process._end()
    assert waited == [True]
