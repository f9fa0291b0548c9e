"""The delay from receipt to acceptance, in 24 logarithmic buckets.

Bucket b holds delays of up to `BOUNDS[b]` seconds: from 50 ms, each bound 1.9 times the one before, so that 24 buckets
reach beyond a week and no percentile is off by more than a quarter where it matters to a reader.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS = tuple(round(0.05 * 1.9**step, 3) for step in range(24))


def bucket(seconds: float) -> int:
    return min(bisect_left(BOUNDS, seconds), len(BOUNDS) - 1)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The upper bound, in seconds, of the bucket below which `share` (0 to 1) of the delays lie; None if there are
    none."""
    total = sum(counts.values())
    reached = 0
    for place in sorted(counts):
        reached += counts[place]
        if total and reached >= share * total:
            return BOUNDS[place]
    return None
