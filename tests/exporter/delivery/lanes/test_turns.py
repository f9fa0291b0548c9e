"""Turns: a few at a time, each delivery once at a time, and none is lost to a fault of another."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from exporter.delivery.lanes.turns import Turns
from exporter.dispatch.shutdown import stopping
from tests.house.running import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _threads_end() -> None:
    stopping.clear()


def test_a_delivery_that_is_behind_has_another_turn_and_one_that_waits_is_noted_once() -> None:
    gate, done = threading.Event(), Counter[int]()

    def work(delivery_id: int) -> bool:
        gate.wait(10)
        done[delivery_id] += 1
        return delivery_id == 1 and done[1] < 3

    turns = Turns("test", 1, work)
    for delivery_id in (1, 2, 2, 2):
        turns.add(delivery_id)
    gate.set()
    until(lambda: not len(turns), seconds=10)
    assert done == {1: 3, 2: 1}
    _stop(turns)


def test_two_that_come_at_once_do_not_wait_for_the_one_idle_thread() -> None:
    both, begun = threading.Barrier(2), list[int]()

    def work(delivery_id: int) -> bool:
        if delivery_id:
            both.wait(10)
            begun.append(delivery_id)
        return False

    turns = Turns("test", 2, work)
    turns.add(0)
    until(lambda: turns._idle == 1, seconds=10)
    with turns._changed:  # so that the idle thread cannot wake up in between
        turns.add(1)
        turns.add(2)
    until(lambda: not len(turns), seconds=20)
    assert sorted(begun) == [1, 2]
    _stop(turns)


def test_a_turn_that_breaks_off_takes_no_thread_with_it() -> None:
    done: list[int] = []

    def work(delivery_id: int) -> bool:
        if delivery_id == 1:
            raise RuntimeError("a bug")
        done.append(delivery_id)
        return False

    turns = Turns("test", 1, work)
    turns.add(1)
    turns.add(2)
    until(lambda: done == [2], seconds=10)
    _stop(turns)


def test_no_more_run_at_once_than_there_are_threads() -> None:
    gate, running, most = threading.Event(), [0], [0]
    guard = threading.Lock()

    def work(_delivery_id: int) -> bool:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        gate.wait(10)
        with guard:
            running[0] -= 1
        return False

    turns = Turns("test", 3, work)
    for delivery_id in range(20):
        turns.add(delivery_id)
    until(lambda: most[0] == 3, seconds=10)
    gate.set()
    until(lambda: not len(turns), seconds=10)
    assert most == [3]
    _stop(turns)


def _stop(turns: Turns) -> None:
    stopping.set()
    try:
        turns.join(5)
    finally:
        stopping.clear()
