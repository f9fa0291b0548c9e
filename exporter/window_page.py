"""What a connector's page shows of a window: its flow, its three charts, its types with those that are silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from connectors.models import Connector
from connectors.moments import duration
from exporter import charts, retention, silence, stream, timelines, windows
from exporter.charts import Chart
from exporter.timelines import Timeline
from exporter.windows import DAY, WEEK, WINDOWS, Window


@dataclass(frozen=True, slots=True)
class Label:
    """A word beside the drawing, in units of its viewBox."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with all that makes it readable without seeing it: title, description, and a table behind a toggle.

    `keys` name the rows in words, in order; `table` has a row per step: its time and a cell per key.
    """

    name: str
    title: str
    description: str
    chart: Chart
    keys: list[tuple[str, str]]
    scale: list[Label]
    times: list[Label]
    table: list[tuple[str, list[str]]]


def chosen(name: str) -> Window:
    """The window a page asks for; 24 hours for anything else."""
    return WINDOWS.get(name, DAY)


def gather(connector: Connector, window: Window) -> dict[str, Any]:
    """The context of a page; six statements, whatever the history."""
    now = retention.clock()
    flow = windows.flow(connector, window, now)
    return {
        "window": window,
        "windows": list(WINDOWS.values()),
        "flow": flow,
        "stream": stream.draw(flow.received, flow.outcomes, flow.pending),
        "pictures": pictures(connector, window, now),
        "silent": {one.event_type: one for one in silence.silent(connector, now)},
        "now": now,
    }


def pictures(connector: Connector, window: Window, now: datetime) -> list[Picture]:
    return [
        _events(timelines.outcomes(connector, window, now), window),
        _delays(timelines.delays(connector, window, now), window),
        _attempts(timelines.attempts(connector, window, now), window),
    ]


def _events(timeline: Timeline, window: Window) -> Picture:
    keys = [
        ("delivered", _("accepted by Segment")),
        ("rejected", _("rejected by Segment")),
        ("expired", _("expired")),
    ]
    total = {name: int(sum(value or 0 for value in timeline.rows[name])) for name, _words in keys}
    description = _("%(accepted)s events accepted, %(rejected)s rejected, %(expired)s expired.") % {
        "accepted": _count(total["delivered"]),
        "rejected": _count(total["rejected"]),
        "expired": _count(total["expired"]),
    }
    title = _("Events, by the time they were received")
    return _picture(
        "events", title, description, charts.stacked(timeline.rows), keys, timeline, window, _count
    )


def _delays(timeline: Timeline, window: Window) -> Picture:
    keys = [("p50", _("half within")), ("p95", _("95% within")), ("p99", _("99% within"))]
    slowest = max((value for value in timeline.rows["p99"] if value is not None), default=None)
    description = (
        _("Nothing was accepted in this time.")
        if slowest is None
        else _("At the slowest, 99%% of the events were accepted within %(span)s.")
        % {"span": duration(slowest)}
    )
    title = _("Delay from received to accepted")
    return _picture(
        "delays", title, description, charts.lines(timeline.rows), keys, timeline, window, duration
    )


def _attempts(timeline: Timeline, window: Window) -> Picture:
    keys = [
        ("accepted", _("accepted")),
        ("refused", _("refused")),
        ("wait", _("to be tried again")),
        ("none", _("no answer")),
    ]
    total = int(sum(value or 0 for row in timeline.rows.values() for value in row))
    good = int(sum(value or 0 for value in timeline.rows["accepted"]))
    description = _("%(all)s requests, %(good)s of them accepted.") % {
        "all": _count(total),
        "good": _count(good),
    }
    title = _("Requests to Segment, by answer")
    chart = charts.stacked(timeline.rows)
    return _picture("attempts", title, description, chart, keys, timeline, window, _count)


def _picture(
    name: str,
    title: str,
    description: str,
    chart: Chart,
    keys: list[tuple[str, str]],
    timeline: Timeline,
    window: Window,
    say: Callable[[float], str],
) -> Picture:
    frame = chart.frame
    moments = [_moment(begin, window) for begin in timeline.begins]
    table = []
    for step, moment in enumerate(moments):
        values = [timeline.rows[key][step] for key, _words in keys]
        if any(values):
            table.append((moment, ["–" if value is None else say(value) for value in values]))
    return Picture(
        name,
        title,
        description,
        chart,
        keys,
        [Label(frame.left - 6, line.y, say(line.value)) for line in chart.grid],
        [Label(tick.x, frame.height - 6, moments[tick.step]) for tick in chart.ticks],
        table,
    )


def _moment(begin: datetime, window: Window) -> str:
    return date_format(timezone.localtime(begin), "j M, H:i" if window == WEEK else "H:i")


def _count(value: float) -> str:
    return number_format(int(value), force_grouping=True)
