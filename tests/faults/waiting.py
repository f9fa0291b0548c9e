"""Waiting for something to become true; no fixed sleep decides a result."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_SECONDS = 0.02


class NotInTime(Exception):
    """What was awaited did not come true; the text says what."""


def until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Answers how many seconds it took.

    Raises:
        NotInTime: it did not come true within `seconds`.
    """
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun
