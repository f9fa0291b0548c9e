"""How many bodies may be in flight: as many as waiting pays for."""

from __future__ import annotations

from dataclasses import dataclass

WIDEST = 8
_WEIGHT = 0.3


@dataclass(slots=True)
class SendWindow:
    """W = 1 + ⌊time from sending to settling / time to make a body⌋, at most 8.

    A body is in flight until it is settled, so a crash repeats at most W of them. Measured: 1 to 3 on loopback, 7 or
    8 at 50 ms. After any failure it stays 1 until a request succeeds; a careful turn (after a crash) keeps it at 1,
    so that another crash repeats little.
    """

    careful: bool = False
    failed: bool = False
    settling: float = 0.0
    making: float = 0.0

    @property
    def width(self) -> int:
        if self.careful or self.failed or not self.making:
            return 1
        return max(1, min(WIDEST, 1 + int(self.settling / self.making)))

    def made(self, seconds: float) -> None:
        self.making = _mean(self.making, max(seconds, 1e-4))

    def settled(self, seconds: float) -> None:
        self.settling = _mean(self.settling, seconds)


def _mean(old: float, new: float) -> float:
    return new if not old else old + _WEIGHT * (new - old)
