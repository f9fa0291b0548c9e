"""The requests of a set that are under way: begun in time, renewed in time, cut when they must be and not before."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.delivery.body import Body
from exporter.delivery.lanes import flights
from exporter.delivery.lanes.claim import Claimed
from exporter.delivery.lanes.flights import Flights
from exporter.delivery.lease import MARGIN_SECONDS
from exporter.delivery.turn import STOP_SECONDS
from exporter.dispatch.shutdown import stopping

TERM = 30.0


class _Flight:
    """A request that has been under way for so long."""

    def __init__(self, body: Callable[[], bytes], seconds: float) -> None:
        self.begin = body
        self.seconds, self.started = seconds, -seconds
        self.overdue = self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True


class _Senders:
    def __init__(self) -> None:
        self.launched: list[_Flight] = []
        self.seconds = 0.0

    def launch(self, _to: Any, _authorization: Any, body: Any, _done: Any) -> _Flight:
        self.launched.append(_Flight(body, self.seconds))
        return self.launched[-1]

    @property
    def cut(self) -> list[bool]:
        return [flight.was_cut for flight in self.launched]


def _renewed(_query: str, terms: dict[str, Any]) -> list[tuple[Any, ...]]:
    return list(zip(terms["ids"], terms["tokens"], strict=True))


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch, settings: Any) -> _Senders:
    made = _Senders()
    settings.CURRENTS_LEASE_SECONDS = TERM
    monkeypatch.setattr(flights, "_wire", made)
    monkeypatch.setattr(flights, "execute", _renewed)
    return made


@pytest.fixture
def _stops() -> Iterator[None]:
    stopping.set()
    yield
    stopping.clear()


def launched(line: Flights, delivery_id: int = 1, until: float = TERM, clock: float = 0.0) -> Claimed:
    """A delivery whose lease lasts so many seconds more, with its request under way."""
    token = uuid.uuid4()
    claimed = Claimed(delivery_id, 1, 1, 0, 1, 1, token, time.monotonic() + until, [])
    current: Any = SimpleNamespace(endpoint=None, authorization=b"")
    line.launch(claimed, Body(0, 1, 1, calls=[b"{}"], numbers=[0]), current, clock)
    return claimed


def test_no_request_begins_within_the_margin_of_its_lease(senders: _Senders) -> None:
    line = Flights(lambda: None)
    launched(line, until=MARGIN_SECONDS - 0.1)
    launched(line, until=MARGIN_SECONDS + 5.0)
    late, in_time = senders.launched
    with pytest.raises(flights._Late):
        late.begin()
    assert b'"batch":[{}]' in in_time.begin()


@pytest.mark.usefixtures("_stops")
def test_no_request_begins_in_a_process_that_stops(senders: _Senders) -> None:
    launched(Flights(lambda: None))
    with pytest.raises(flights._Late):
        senders.launched[0].begin()


def test_an_attempt_is_told_by_the_database_s_clock(senders: _Senders) -> None:
    line = Flights(lambda: None)
    launched(line, clock=1_000_000.0)
    (flying,) = line._flying.values()
    assert abs(flying.sent.at - time.monotonic() - 1_000_000.0) < 60


def test_a_lease_is_renewed_once_a_third_of_it_has_passed_and_not_before(senders: _Senders) -> None:
    line = Flights(lambda: None)
    now = time.monotonic()
    fresh, due = launched(line, 1, until=2 * TERM / 3 + 5), launched(line, 2, until=2 * TERM / 3 - 0.1)
    before = fresh.until
    line.look_after(now)
    assert (fresh.until, due.until) == (before, now + TERM)
    assert senders.cut == [False, False]


def test_whose_lease_was_lost_is_cut(senders: _Senders, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Flights(lambda: None)
    lost, kept = launched(line, 1, until=5), launched(line, 2, until=5)
    monkeypatch.setattr(flights, "execute", lambda *_: [(kept.delivery_id, kept.token)])
    line.look_after(time.monotonic())
    assert senders.cut == [True, False]
    assert kept.until > lost.until + 10


def test_what_hangs_is_counted_apart_and_only_beyond_the_bound_is_the_eldest_cut(
    senders: _Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "MOST_HANGING", 2)
    line = Flights(lambda: None)
    launched(line, 1)
    assert line.healthy == 1, "nothing hangs at the start"
    for delivery_id, senders.seconds in ((2, 5.0), (3, 9.0)):
        launched(line, delivery_id)
    line.look_after(time.monotonic())
    assert (line.healthy, senders.cut) == (1, [False, False, False])
    senders.seconds = 7.0
    launched(line, 4)
    line.look_after(time.monotonic() + 1)
    assert senders.cut == [False, False, True, False]


def test_a_process_that_stops_waits_for_its_answers_and_no_longer_than_stated(senders: _Senders) -> None:
    line = Flights(lambda: None)
    launched(line)
    now = time.monotonic()
    stopping.set()
    try:
        line.look_after(now)
        line.look_after(now + STOP_SECONDS - 0.1)
        early = list(senders.cut)
        line.look_after(now + STOP_SECONDS + 0.1)
    finally:
        stopping.clear()
    assert (early, senders.cut) == ([False], [True])


def test_there_is_a_thread_for_every_request_that_may_be_under_way() -> None:
    assert flights._wire._senders._most == flights.MOST_HEALTHY + flights.MOST_HANGING
