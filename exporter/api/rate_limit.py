"""The ceiling on what a token may bring: `CURRENTS_INTAKE_RATE` events a second, in each web process."""

from __future__ import annotations

import math
import threading
import time


class Ceiling:
    """A bucket for each token, refilled at `rate` a second, holding one second's worth. A body larger than
    what is in the bucket passes and leaves a debt, so that no body is too large for ever."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._guard = threading.Lock()
        self._buckets: dict[int, tuple[float, float]] = {}

    def wait(self, token_id: int, events: int) -> int:
        """Takes the events out; answers 0, or after how many seconds to come again, and takes nothing."""
        now = time.monotonic()
        with self._guard:
            left, at = self._buckets.get(token_id, (self._rate, now))
            left = min(self._rate, left + (now - at) * self._rate)
            if left <= 0:
                self._buckets[token_id] = (left, now)
                return max(1, math.ceil(-left / self._rate))
            self._buckets[token_id] = (left - events, now)
        return 0
