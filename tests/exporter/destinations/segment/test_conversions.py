"""A number that arrives as a float is sent as the whole number it stands for, as long as it stands for one exactly."""

from __future__ import annotations

import pytest

from exporter.destinations.segment.conversions import as_type


@pytest.mark.parametrize("number", [0.0, 5.0, -5.0, 2.0**53])
def test_a_whole_float_becomes_the_whole_number(number: float) -> None:
    found = as_type(number, "int")
    assert (found, type(found)) == (int(number), int)


@pytest.mark.parametrize("number", [0.5, 2.0**53 + 2, 1e300, float("inf")])
def test_what_stands_for_no_number_exactly_is_left_as_it_is(number: float) -> None:
    assert type(as_type(number, "int")) is float
