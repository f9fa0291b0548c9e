"""What to do about a rejected event: each reason the product gives leads to its own advice."""

from __future__ import annotations

import pytest

from exporter.display.remedies import remedy


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("time looks like milliseconds", "send seconds instead"),
        ("time must be a number of seconds since 1970", "must be a number of UNIX seconds"),
        ("id has 120 characters; at most 99 are possible", "at most 99 characters"),
        ("id is missing", "an id of its own"),
        ("event_type is missing", "as Currents spells it"),
        ("This is not JSON.", "broken JSON"),
        ("The event is not UTF-8.", "broken JSON"),
        ("nested too deeply", "flatten"),
        ("The event has 1,200,000 bytes".replace(",", ""), "too large to be stored"),
        ("The Segment call has 40000 bytes", "at most 32 KB"),
        ("Segment answered 413: too large", "found this event too large"),
        ("Segment answered 400: bad request", "Compare a sample"),
        ("The stored event cannot be read", "is damaged"),
        ("A reason nobody has thought of", "Look at a sample"),
        ("", "Look at a sample"),
    ],
)
def test_each_reason_leads_to_its_own_advice(reason: str, advice: str) -> None:
    said = remedy(reason)
    assert advice in said
    assert said.endswith(".")
