"""As many bodies in flight as waiting pays for: few at a fast destination, so that a crash repeats little."""

from __future__ import annotations

from exporter.delivery.window import WIDEST, SendWindow


def measured(settling: float, making: float = 0.01, **state: bool) -> SendWindow:
    window = SendWindow(**state)
    window.made(making)
    window.settled(settling)
    return window


def test_a_fast_destination_keeps_one_in_flight() -> None:
    assert measured(settling=0.004).width == 1


def test_the_width_is_one_and_as_many_as_can_be_made_while_one_is_settled() -> None:
    assert measured(settling=0.02).width == 3
    assert measured(settling=0.049).width == 5


def test_a_slow_destination_has_eight_at_most() -> None:
    assert measured(settling=10.0).width == WIDEST == 8


def test_before_a_body_was_made_there_is_one() -> None:
    window = SendWindow()
    window.settled(10.0)
    assert window.width == 1


def test_after_a_failure_and_after_a_crash_there_is_one() -> None:
    assert measured(settling=10.0, failed=True).width == 1
    assert measured(settling=10.0, careful=True).width == 1


def test_what_was_measured_last_weighs_most() -> None:
    window = measured(settling=0.1)
    for _ in range(20):
        window.settled(0.001)
    assert window.width == 1


def test_the_first_measurement_counts_whole_and_a_later_one_in_part() -> None:
    window = SendWindow()
    window.settled(0.1)
    window.made(0.01)
    assert (window.settling, window.making) == (0.1, 0.01)
    window.settled(0.2)
    assert 0.1 < window.settling < 0.2
