"""One word for a connector's state: the first that fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.reports.health import Health, Signs, judge

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WELL = Signs(
    stopped="",
    paused=False,
    received=10,
    lag_seconds=0.0,
    failing_since=None,
    moved_at=NOW,
    expired_at=None,
    now=NOW,
)
# Each sign alone, in order of precedence.
SIGNS: list[tuple[Health, dict[str, Any]]] = [
    (Health.KEY_UNREADABLE, {"stopped": "key_unreadable"}),
    (Health.LOG_DAMAGED, {"stopped": "log_damaged"}),
    (Health.LOSING_EVENTS, {"expired_at": NOW - timedelta(minutes=9)}),
    (Health.KEY_REJECTED, {"stopped": "key_rejected"}),
    (Health.REQUEST_REFUSED, {"stopped": "request_refused"}),
    (Health.PAUSED, {"paused": True}),
    (Health.RETRYING, {"failing_since": NOW}),
    (Health.WAITING, {"received": 0}),
    (Health.CATCHING_UP, {"lag_seconds": 61.0}),
    (Health.DELIVERING, {}),
]


@pytest.mark.parametrize(("health", "signs"), SIGNS, ids=[health for health, _signs in SIGNS])
def test_each_sign_alone(health: Health, signs: dict[str, Any]) -> None:
    assert judge(replace(WELL, **signs)) == health


@pytest.mark.parametrize("place", range(len(SIGNS)))
def test_the_first_that_fits_wins_over_all_behind_it(place: int) -> None:
    together: dict[str, Any] = {}
    for _health, signs in reversed(SIGNS[place:]):
        together |= signs
    assert judge(replace(WELL, **together)) == SIGNS[place][0]


@pytest.mark.parametrize(
    ("signs", "health"),
    [
        ({"expired_at": NOW - timedelta(minutes=10)}, Health.DELIVERING),
        ({"lag_seconds": 60.0}, Health.DELIVERING),
        ({"lag_seconds": 60.0, "moved_at": None}, Health.DELIVERING),
        ({"lag_seconds": 61.0, "moved_at": NOW - timedelta(seconds=60)}, Health.CATCHING_UP),
        ({"lag_seconds": 61.0, "moved_at": NOW - timedelta(seconds=61)}, Health.RETRYING),
        ({"lag_seconds": 61.0, "moved_at": None}, Health.RETRYING),
    ],
)
def test_the_borders(signs: dict[str, Any], health: Health) -> None:
    assert judge(replace(WELL, **signs)) == health


def test_trouble_is_what_somebody_has_to_act_on() -> None:
    assert {health for health in Health if health.trouble} == {
        Health.KEY_UNREADABLE,
        Health.LOG_DAMAGED,
        Health.LOSING_EVENTS,
        Health.KEY_REJECTED,
        Health.REQUEST_REFUSED,
    }
