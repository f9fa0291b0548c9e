"""The agenda: which workspaces a process is to look at, and from when on. Waiting holds nothing but a place here."""

from __future__ import annotations

import heapq
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

# A body leaves at once where its workspace was quiet for so long, else so long after the one before. Shorter gaps cost
# a request for fewer events each; longer ones make a busy connector's events wait.
GAP_SECONDS = 0.04
# Where more wait than can be claimed at once, a longer gap gathers more events for each request.
BUSY_GAP_SECONDS = 0.2


class Agenda:
    """Workspaces in the order they are to be looked at, each at most once. May be used by several threads.

    Moments are seconds of the monotonic clock. `changed` is called where the earliest moment may have become earlier.
    """

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._guard = threading.Lock()
        self._ready: OrderedDict[int, None] = OrderedDict()
        self._later: list[tuple[float, int]] = []
        self._waiting: set[int] = set()
        self._left: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ready) + len(self._later)

    @property
    def ready(self) -> int:
        return len(self._ready)

    def add(self, workspaces: Iterable[int], now: float) -> None:
        """Notes workspaces that may have something to send. One that is here already stays where it is."""
        with self._guard:
            gap = self._gap()
            for workspace in workspaces:
                left = self._left.get(workspace)
                self._note(workspace, now if left is None else left + gap, now)
        self._changed()

    def add_at(self, workspaces: Iterable[int], at: float, now: float) -> None:
        """Notes workspaces to be looked at from the moment `at` on."""
        with self._guard:
            for workspace in workspaces:
                self._note(workspace, at, now)
        self._changed()

    def take(self, most: int, now: float) -> list[int]:
        """Takes out up to `most` workspaces whose moment has come, the longest noted first."""
        with self._guard:
            while self._later and self._later[0][0] <= now:
                _at, workspace = heapq.heappop(self._later)
                self._waiting.discard(workspace)
                self._ready.setdefault(workspace)
            return [self._ready.popitem(last=False)[0] for _ in range(min(most, len(self._ready)))]

    def leave(self, workspaces: Iterable[int], now: float) -> None:
        """A body of these leaves now."""
        with self._guard:
            for workspace in workspaces:
                self._left[workspace] = now
                self._left.move_to_end(workspace)
            while self._left and next(iter(self._left.values())) < now - BUSY_GAP_SECONDS:
                self._left.popitem(last=False)

    def next_at(self) -> float | None:
        """When the next one is to be looked at; in the past where one is ready; None where nothing is noted."""
        with self._guard:
            if self._ready:
                return 0.0
            return self._later[0][0] if self._later else None

    def _note(self, workspace: int, at: float, now: float) -> None:
        if workspace in self._ready or workspace in self._waiting:
            return
        if at <= now:
            self._ready[workspace] = None
        else:
            heapq.heappush(self._later, (at, workspace))
            self._waiting.add(workspace)

    def _gap(self) -> float:
        return BUSY_GAP_SECONDS if len(self._ready) > BUSY else GAP_SECONDS


# So many that are ready and not claimed yet make a process busy.
BUSY = 100
