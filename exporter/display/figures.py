"""Figures: a chart with everything a reader needs around it: title, description, hours, and the numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from connectors.web.list_words import listed
from connectors.web.time_words import duration, milliseconds
from exporter.display import answer_words, chart_geometry
from exporter.display.chart_geometry import Bar, Chart, Frame, text_width
from exporter.reports.time_series import NOT_DELIVERED, Timeline, Trends

# The sides of a frame are the least: where words are longer, the plot makes room.
WIDE = Frame(width=640, height=220, left=52, right=4, top=16, bottom=26)
SLIM = Frame(width=400, height=220, left=44, right=72, top=16, bottom=26)
MOST_MARKS, LABEL_HEIGHT, GAP = 3, 16, 8
# The size of letters on a phone, in units of the viewBox (`.plot text` in charts.css).
_LETTERS = {WIDE.width: 19, SLIM.width: 14}
# What is told beside the grid of delays, in seconds.
_DELAYS = (0.01, 0.1, 1, 10, 60, 600, 3_600, 36_000, 86_400, 604_800)
# Waiting events are part of the title if they are more than this share of the accepted ones.
_MUCH = 0.02


@dataclass(frozen=True, slots=True)
class Hour:
    """A label of the time axis."""

    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """A word or number within the picture; it ends at its place where there is no room to the right."""

    x: float
    y: float
    text: str
    name: str = ""
    before: bool = False

    @property
    def side(self) -> str:
        return "before" if self.before else "after"

    @property
    def words_at(self) -> float:
        return round(self.x - GAP if self.before else self.x + GAP, 1)

    @property
    def covers(self) -> tuple[float, float]:
        """From where to where it reaches with its words, in letters of the wide frame."""
        room = GAP + text_width(self.text, _LETTERS[WIDE.width])
        return (self.x - room, self.x + GAP) if self.before else (self.x - GAP, self.x + room)


@dataclass(frozen=True, slots=True)
class Figure:
    """`columns` are the table's headings, `rows` its lines: when a step begins, and a cell per column. `totals` are
    what the shapes of each name add up to."""

    name: str
    title: str
    description: str
    chart: Chart
    hours: list[Hour]
    grid: list[Mark]
    marks: list[Mark]
    columns: list[str]
    rows: list[tuple[datetime, list[str]]]
    totals: dict[str, float]

    @property
    def shapes(self) -> list[tuple[str, str]]:
        """The bars of each name as one SVG path: little to write and little for a browser to hold."""
        paths: dict[str, str] = {}
        for bar in self.chart.bars:
            block = f"M{bar.x:g} {bar.y:g}h{bar.width:g}v{bar.height:g}h-{bar.width:g}z"
            paths[bar.name] = paths.get(bar.name, "") + block
        return list(paths.items())

    @property
    def empty(self) -> bool:
        return self.chart.empty


def events(trends: Trends, rejected_word: str) -> Figure:
    """Accepted and undelivered events by the time of receipt. Waiting ones stand beside them, never on top.
    `rejected_word` is what the numbers beside it call the rejected ones."""
    line = trends.events
    chart = _stacked(line)
    chart = replace(chart, bars=_beside(chart.bars, chart.frame))
    labels = {
        "delivered": _("Accepted"),
        "rejected": capfirst(rejected_word),
        "not_sent": _("Not sent"),
        "expired": _("Expired"),
        "waiting": _("Waiting"),
    }
    total = line.totals
    told = _("%(accepted)s events accepted by Segment, %(lost)s not delivered, %(waiting)s waiting.") % {
        "accepted": _n(total["delivered"]),
        "lost": _n(sum(total[name] for name in NOT_DELIVERED)),
        "waiting": _n(total["waiting"]),
    }
    much = total["waiting"] > _MUCH * total["delivered"]
    title = _("Accepted by Segment, and waiting") if much else _("Accepted by Segment")
    return _figure("events", title, told, chart, line, labels, marks=_losses(chart, line))


def delays(trends: Trends) -> Figure:
    line = trends.delays
    labels = {"p99": "p99", "p95": "p95", "p50": "p50"}
    last = {name: next((v for v in reversed(row) if v is not None), None) for name, row in line.rows.items()}
    values = map(_delay, chart_geometry.lines_grid(line.rows, _DELAYS))
    ends = [f"{name} {_delay(value)}" for name, value in last.items() if value is not None]
    chart = chart_geometry.lines(line.rows, _with_room(SLIM, values, ends), _DELAYS)
    told = _("Nothing was accepted in this time.")
    if last["p50"] is not None and last["p99"] is not None:
        told = _("Recently, half of all events arrived within %(half)s and 99 of 100 within %(most)s.") % {
            "half": _delay(last["p50"]),
            "most": _delay(last["p99"]),
        }
    marks = _ends(chart, last)
    return _figure("delays", _("Delay"), told, chart, line, labels, marks=marks, written=_delay)


def attempts(trends: Trends) -> Figure:
    line = trends.attempts
    labels = {name: str(word) for name, word in answer_words.FAMILY_WORDS.items()}
    told = listed(
        _("%(name)s: %(n)s") % {"name": labels[name], "n": _n(line.totals[name])} for name in labels
    )
    chart = _stacked(line)
    return _figure("attempts", _("Attempts by answer"), told, chart, line, labels, marks=[])


def _figure(
    name: str,
    title: str,
    description: str,
    chart: Chart,
    line: Timeline,
    labels: dict[str, str],
    *,
    marks: list[Mark],
    written: Callable[[float], str] | None = None,
) -> Figure:
    write = written or _n
    rows = [
        (begin, ["–" if (value := line.rows[row][step]) is None else write(value) for row in labels])
        for step, begin in enumerate(line.begins)
    ]
    ticks = chart.ticks if chart.frame.width == WIDE.width else chart.ticks[::2]
    hours = [Hour(tick.x, line.begins[tick.step]) for tick in ticks]
    grid = [Mark(chart.frame.left - GAP, grid.y, write(grid.value)) for grid in chart.grid]
    return Figure(
        name, title, description, chart, hours, grid, marks, list(labels.values()), rows[::-1], line.totals
    )


def _stacked(line: Timeline) -> Chart:
    values = map(_n, chart_geometry.stacked_grid(line.rows))
    return chart_geometry.stacked(line.rows, _with_room(WIDE, values))


def _with_room(frame: Frame, values: Iterable[str], ends: Iterable[str] = ()) -> Frame:
    """With as much room as the grid's values take to the left, and the words at the lines' `ends` to the right."""
    size = _LETTERS[frame.width]
    left = max(text_width(value, size) for value in values) + GAP
    right = max((text_width(end, size) + GAP for end in ends), default=0)
    return replace(frame, left=max(frame.left, left), right=max(frame.right, right))


def _beside(bars: Sequence[Bar], frame: Frame) -> list[Bar]:
    """Moves waiting events down to the axis, beside what was settled in the same step."""
    shared = {bar.step for bar in bars if bar.name == "waiting"} & {
        bar.step for bar in bars if bar.name != "waiting"
    }
    placed = []
    for bar in bars:
        half = round(bar.width / 2, 1) if bar.step in shared else bar.width
        if bar.name == "waiting":
            x = bar.x + bar.width - half
            placed.append(replace(bar, x=round(x, 1), y=round(frame.floor - bar.height, 1), width=half))
        else:
            placed.append(replace(bar, width=half))
    return placed


def _losses(chart: Chart, line: Timeline) -> list[Mark]:
    """Marks for the greatest losses, each above its column. A smaller one whose number would lie on that of a greater
    one has none: the table has them all."""
    lost = [
        (int(sum(line.rows[name][step] or 0 for name in NOT_DELIVERED)), step)
        for step in range(len(line.begins))
    ]
    marks: list[Mark] = []
    for count, step in sorted((one for one in lost if one[0]), reverse=True):
        if len(marks) == MOST_MARKS:
            break
        column = [bar for bar in chart.bars if bar.step == step]
        x, top = column[0].x + column[0].width / 2, min(bar.y for bar in column)
        mark = Mark(x, max(top - 4, 8), _n(count), "lost")
        if mark.covers[1] > chart.frame.width:
            mark = replace(mark, before=True)
        if not any(_touch(mark.covers, other.covers) for other in marks):
            marks.append(mark)
    return marks


def _touch(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _ends(chart: Chart, last: dict[str, float | None]) -> list[Mark]:
    """The newest value of each line at its end; labels that would overlap move up."""
    places = []
    for line in chart.lines:
        value = last[line.name]
        if value is not None:
            places.append((_end_of(line.path, line.points), line.name, value))
    marks: list[Mark] = []
    # From below: of lines that end together the slowest stands above.
    for y, name, value in sorted(places, key=lambda place: (-place[0], place[1])):
        free = min([y, *[mark.y - LABEL_HEIGHT for mark in marks]])
        marks.append(Mark(chart.frame.width - chart.frame.right + GAP, round(free, 1), _delay(value), name))
    return marks


def _end_of(path: str, points: Sequence[tuple[float, float]]) -> float:
    """The height at which a line ends; a single value counts if it comes last."""
    ends = list(points)
    if path:
        x, y = path.replace("M", "L").rsplit("L", 1)[1].split()
        ends.append((float(x), float(y)))
    return max(ends)[1] if ends else 0.0


def _delay(seconds: float) -> str:
    return duration(seconds) if seconds >= 0.1 else milliseconds(round(1000 * seconds))


def _n(value: float) -> str:
    whole = float(value).is_integer()
    return number_format(int(value) if whole else value, force_grouping=True)
