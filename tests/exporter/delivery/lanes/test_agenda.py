"""The agenda: nobody is forgotten, nobody is noted twice, and what waits holds nothing."""

from __future__ import annotations

from exporter.delivery.lanes import agenda as agendas
from exporter.delivery.lanes.agenda import BUSY_GAP_SECONDS, GAP_SECONDS, Agenda


def test_the_first_event_after_a_pause_does_not_wait() -> None:
    agenda = Agenda()
    agenda.add([1], 10.0)
    assert agenda.take(10, 10.0) == [1]


def test_after_a_body_the_next_one_waits_for_the_gap_and_not_longer() -> None:
    agenda = Agenda()
    agenda.leave([1], 10.0)
    agenda.add([1], 10.001)
    assert agenda.take(10, 10.0 + GAP_SECONDS / 2) == []
    assert agenda.next_at() == 10.0 + GAP_SECONDS
    assert agenda.take(10, 10.0 + GAP_SECONDS) == [1]
    assert agenda.next_at() is None


def test_whoever_is_noted_already_keeps_the_place() -> None:
    agenda = Agenda()
    agenda.add([3, 1, 2], 10.0)
    agenda.add([1, 3], 10.0)
    agenda.add_at([2], 99.0, 10.0)
    assert agenda.take(2, 10.0) == [3, 1]
    assert agenda.take(2, 10.0) == [2]
    assert len(agenda) == 0


def test_who_waits_for_a_later_moment_does_not_hold_up_the_others() -> None:
    agenda = Agenda()
    agenda.add_at([1], 60.0, 10.0)
    agenda.add([2], 10.0)
    assert agenda.take(10, 10.0) == [2]
    assert agenda.take(10, 60.0) == [1]


def test_where_many_wait_a_body_gathers_more() -> None:
    agenda = Agenda()
    agenda.add(range(100, 100 + agendas.BUSY + 1), 10.0)
    agenda.leave([1], 10.0)
    agenda.add([1], 10.0)
    agenda.take(1_000, 10.0)
    assert agenda.next_at() == 10.0 + BUSY_GAP_SECONDS


def test_what_left_long_ago_is_forgotten() -> None:
    agenda = Agenda()
    for second in range(1_000):
        agenda.leave([second], float(second))
    assert len(agenda._left) <= 1


def test_whoever_waits_for_work_is_told() -> None:
    told: list[bool] = []
    agenda = Agenda(lambda: told.append(True))
    agenda.add([1], 10.0)
    agenda.add_at([2], 11.0, 10.0)
    assert told == [True, True]
