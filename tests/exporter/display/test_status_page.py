"""How long a backlog lasts, as the status page tells it: only where the newest attempts say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.display.status_page import left_seconds
from exporter.models import Attempt
from exporter.reports.health import Health
from tests.support.summaries import NOW, a_summary


def attempt(seconds_ago: float, last_event: int, verdict: str = "accepted") -> Attempt:
    return Attempt(at=NOW - timedelta(seconds=seconds_ago), last_event=last_event, verdict=verdict)


@pytest.mark.parametrize(
    ("recent", "seconds"),
    [
        ([attempt(1, 900), attempt(5, 500), attempt(11, 100)], 12.5),
        ([attempt(1, 900), attempt(3, 800, "retry"), attempt(11, 100)], 12.5),
        ([attempt(1, 900)], None),
        ([attempt(1, 900, "retry"), attempt(2, 800, "retry")], None),
        ([attempt(90, 900), attempt(95, 500)], None),
        ([attempt(1, 900), attempt(5, 900)], None),
        ([], None),
    ],
    ids=["pace", "failed ones aside", "one", "none accepted", "stale", "standing still", "nothing"],
)
def test_the_rest_is_told_from_the_pace_of_what_was_accepted(
    recent: list[Attempt], seconds: float | None
) -> None:
    assert left_seconds(a_summary(Health.CATCHING_UP, pending=1_000), recent) == seconds
