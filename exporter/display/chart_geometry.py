"""Chart geometry: turns numbers into shapes that templates write as SVG. Pure arithmetic, in units of the viewBox.

Colours and strokes belong to the style sheet: shapes carry a class name, never a style. There are at most four grid
lines. A scale begins at zero or, where values differ by orders of magnitude (delays), is logarithmic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MOST_GRID_LINES = 4
LEAST_BAR = 1.0
Placer = Callable[[int, float], tuple[float, float]]
Rows = Mapping[str, Sequence[float | None]]
# Below this, powers of ten run out of digits.
_NOTHING = 1e-9
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot within the picture; the labels of the grid are to its left, those of the time axis below."""

    width: float = 640
    height: float = 200
    left: float = 52
    right: float = 8
    top: float = 10
    bottom: float = 24

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    @property
    def plot_width(self) -> float:
        return self.width - self.left - self.right

    @property
    def plot_height(self) -> float:
        return self.floor - self.top


@dataclass(frozen=True, slots=True)
class Bar:
    """The piece of a stack that shows one value; `step` is its place in time."""

    name: str
    step: int
    x: float
    y: float
    width: float
    height: float
    value: float


@dataclass(frozen=True, slots=True)
class ChartLine:
    """`path` starts anew after a gap; `points` are single values that no line would show."""

    name: str
    path: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class GridLine:
    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the time axis: the beginning of `step`."""

    x: float
    step: int


@dataclass(frozen=True, slots=True)
class Chart:
    frame: Frame
    grid: list[GridLine]
    ticks: list[Tick]
    bars: list[Bar]
    lines: list[ChartLine]
    empty: bool


def stacked(rows: Rows, frame: Frame | None = None) -> Chart:
    """One bar per step; the rows are stacked in their order, the first at the bottom."""
    frame = frame or Frame()
    sums = _sums(rows)
    steps, grid = len(sums), linear_grid(max(sums, default=0))
    top = grid[-1]
    slot = frame.plot_width / steps if steps else 0
    bars: list[Bar] = []
    for step in range(steps):
        floor = frame.floor
        for name, row in rows.items():
            value = _at(row, step)
            if value <= 0:
                continue
            height = max(frame.plot_height * value / top, LEAST_BAR)
            floor -= height
            x, wide = frame.left + slot * step + slot * 0.1, slot * 0.8
            bars.append(Bar(name, step, _r(x), _r(floor), _r(wide), _r(height), value))
    lines_at = [GridLine(_r(frame.floor - frame.plot_height * value / top), value) for value in grid]
    return Chart(frame, lines_at, _ticks(frame, steps), bars, [], not any(sums))


def stacked_grid(rows: Rows) -> list[float]:
    """The values beside the grid of `stacked`."""
    return linear_grid(max(_sums(rows), default=0))


def lines(rows: Rows, frame: Frame | None = None, scale: Sequence[float] = ()) -> Chart:
    """A line per row on a logarithmic scale; None is a gap. `scale` are the values that may be told beside the grid,
    ascending; powers of ten where none are given."""
    frame = frame or Frame()
    steps = max((len(row) for row in rows.values()), default=0)
    grid = lines_grid(rows, scale)
    low, high = math.log10(grid[0]), math.log10(grid[-1])

    def place(step: int, value: float) -> tuple[float, float]:
        share = (math.log10(max(value, grid[0])) - low) / (high - low)
        x = frame.left + frame.plot_width * (step + 0.5) / steps
        return _r(x), _r(frame.floor - frame.plot_height * min(share, 1.0))

    drawn = [_line(name, row, place) for name, row in rows.items()]
    at = [
        GridLine(_r(frame.floor - frame.plot_height * (math.log10(value) - low) / (high - low)), value)
        for value in grid
    ]
    return Chart(frame, at, _ticks(frame, steps), [], drawn, not _positive(rows))


def lines_grid(rows: Rows, scale: Sequence[float] = ()) -> list[float]:
    """The values beside the grid of `lines`."""
    values = _positive(rows)
    least, most = min(values, default=1.0), max(values, default=1.0)
    return _around(scale, least, most) if scale else logarithmic_grid(least, most)


def text_width(text: str, size: float) -> float:
    """How wide a line of letters `size` high is at most: of Latin ones and digits six tenths of it each, of marks
    between digits three, of Chinese signs all."""
    return round(
        size * sum(1 if sign > "\u2e80" else 0.3 if sign in ",. \u202f\u00a0" else 0.6 for sign in text), 1
    )


def linear_grid(most: float) -> list[float]:
    """Round values above zero, at most four, the last at or above `most`; whole numbers where `most` is one."""
    if most < _NOTHING:
        return [1.0]
    rough = most / MOST_GRID_LINES
    power = 10.0 ** math.floor(math.log10(rough))
    gap = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    if float(most).is_integer() and (gap < 1 or not float(gap).is_integer()):
        gap = math.ceil(gap)
    count = math.ceil(most / gap - 1e-9)
    return [_tidy(gap * number) for number in range(1, count + 1)]


def logarithmic_grid(least: float, most: float) -> list[float]:
    """Powers of ten around the values, thinned to at most four and at least two."""
    low, high = math.floor(math.log10(least) + 1e-9), math.ceil(math.log10(most) - 1e-9)
    high = max(high, low + 1)
    gap = math.ceil((high - low) / (MOST_GRID_LINES - 1))
    high = low + gap * math.ceil((high - low) / gap)
    return [_tidy(10.0**power) for power in range(low, high + 1, gap)]


def _around(scale: Sequence[float], least: float, most: float) -> list[float]:
    """Of a scale, at most four and at least two values around these; where it ends before them, its end."""
    first = max((place for place, value in enumerate(scale) if value <= least), default=0)
    last = next((place for place, value in enumerate(scale) if value >= most), len(scale) - 1)
    first, last = (first, last) if last > first else (max(last - 1, 0), max(last, 1))
    gap = math.ceil((last - first) / (MOST_GRID_LINES - 1))
    places = list(range(first, last + 1, gap))
    return [scale[place] for place in ([*places, last] if places[-1] != last else places)]


def _line(name: str, row: Sequence[float | None], place: Placer) -> ChartLine:
    runs: list[list[tuple[float, float]]] = [[]]
    for step, value in enumerate(row):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place(step, value))
    path = "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in run) for run in runs if len(run) > 1)
    return ChartLine(name, path, [run[0] for run in runs if len(run) == 1])


def _ticks(frame: Frame, steps: int, most: int = 7) -> list[Tick]:
    """Beginnings of steps, evenly spaced, at most `most` of them."""
    if not steps:
        return []
    gap = next(
        (gap for gap in (1, 2, 4, 5, 8, 10, 12, 15, 24) if steps / gap <= most), math.ceil(steps / most)
    )
    return [Tick(_r(frame.left + frame.plot_width * step / steps), step) for step in range(0, steps, gap)]


def _sums(rows: Rows) -> list[float]:
    """Of each step."""
    steps = max((len(row) for row in rows.values()), default=0)
    return [sum(_at(row, step) for row in rows.values()) for step in range(steps)]


def _positive(rows: Rows) -> list[float]:
    return [value for row in rows.values() for value in row if value is not None and value > 0]


def _at(row: Sequence[float | None], step: int) -> float:
    value = row[step] if step < len(row) else None
    return value or 0.0


def _tidy(value: float) -> float:
    return float(f"{value:.6g}")


def _r(value: float) -> float:
    return round(value, 1)
