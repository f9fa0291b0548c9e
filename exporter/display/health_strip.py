"""The health strip: a week in cells of two hours, low where all went well and tall where there was trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.web.time_words import by_the_clock
from exporter.reports.health import Health
from exporter.reports.summary import Summary
from exporter.reports.time_series import STRIP_CELLS, STRIP_STEP, Cell

STEP, WIDTH, HEIGHT = 10, 8, 28
_SPAN = timedelta(seconds=STRIP_STEP)
# How many cells the longest label of a day covers: in a card of 600 pixels, and in one of 256, on the narrowest phone.
_LABEL, _LABEL_IN_NARROW = 9, 21
_HEIGHTS = {"none": 3, "ok": 8, "warn": 22, "bad": 28}


@dataclass(frozen=True, slots=True)
class Shape:
    """All cells of a kind as one SVG path, in a viewBox `STRIP_CELLS * STEP` wide and `HEIGHT` high."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Day:
    """The first cell of a day, at `x` percent; `late` where a narrow card has no room left for its label."""

    x: float
    at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """`sentence` tells the same in words; `kind` is how it stands now: `bad`, `warn`, `ok` or `none`."""

    shapes: list[Shape]
    days: list[Day]
    sentence: str
    kind: str


def strip(cells: Sequence[Cell], summary: Summary) -> Strip:
    paths: dict[str, str] = {}
    for place, cell in enumerate(cells):
        high = _HEIGHTS[cell.kind]
        block = f"M{place * STEP} {HEIGHT - high}h{WIDTH}v{high}h-{WIDTH}z"
        paths[cell.kind] = paths.get(cell.kind, "") + block
    shapes = [Shape(kind, path) for kind, path in paths.items()]
    return Strip(shapes, _days(cells), _sentence(cells, summary), _kind(cells, summary))


def _days(cells: Sequence[Cell]) -> list[Day]:
    days = []
    for place, cell in enumerate(cells):
        left = STRIP_CELLS - place
        # By the date: of a day on which clocks change, two cells may begin within the first two hours, or none.
        begins_a_day = timezone.localdate(cell.at) != timezone.localdate(cell.at - _SPAN)
        if begins_a_day and left >= _LABEL:
            days.append(Day(round(100 * place / STRIP_CELLS, 2), cell.at, left < _LABEL_IN_NARROW))
    return days


def _kind(cells: Sequence[Cell], summary: Summary) -> str:
    """What is over is told in words, not in red."""
    if summary.failing_since is not None:
        return "bad" if summary.health.trouble else "warn"
    if not _is_well(summary):
        return "none"
    return "ok" if any(cell.kind != "none" for cell in cells) else "none"


def _is_well(summary: Summary) -> bool:
    """A trouble without failed requests is told above the strip, which knows of requests alone."""
    return summary.health.moving or summary.health in (Health.WAITING, Health.PAUSED)


def _sentence(cells: Sequence[Cell], summary: Summary) -> str:
    """What is over is told in cells, as it is drawn: they know the two hours in which requests failed, not the minutes,
    and one incident may span many. Only what lasts is told by the minute."""
    now = summary.now
    if summary.failing_since is not None:
        return _("Trouble since %(when)s.") % {"when": by_the_clock(summary.failing_since, now)}
    troubles = [cell for cell in cells if cell.kind in ("warn", "bad")]
    if not troubles:
        worked = any(cell.kind == "ok" for cell in cells)
        launched_at = _launched_within(cells, summary)
        if worked and not _is_well(summary):
            return _requests_went_well(launched_at, now)
        return _quiet(worked, launched_at, now)
    last = troubles[-1]
    begin = max(last.at, summary.connector.created_at)
    end = min(last.at + _SPAN, now)
    terms = {"from": by_the_clock(begin, now), "until": by_the_clock(end, now), "n": len(troubles)}
    return (
        ngettext(
            "In the last 7 days, requests failed in %(n)s two-hour span, from %(from)s to %(until)s; that is over.",
            "In the last 7 days, requests failed in %(n)s two-hour spans, the last from %(from)s to %(until)s; "
            "that is over.",
            len(troubles),
        )
        % terms
    )


def _quiet(worked: bool, launched_at: datetime | None, now: datetime) -> str:
    """`launched_at` where that is less than a week ago: no sentence covers more than there was."""
    if launched_at is None:
        return _("No trouble in the last 7 days.") if worked else _("Nothing was sent in the last 7 days.")
    terms = {"when": by_the_clock(launched_at, now)}
    if worked:
        return _("No trouble since the launch, %(when)s.") % terms
    return _("Nothing was sent since the launch, %(when)s.") % terms


def _requests_went_well(launched_at: datetime | None, now: datetime) -> str:
    if launched_at is None:
        return _("Requests to Segment went well in the last 7 days.")
    return _("Requests to Segment have gone well since the launch, %(when)s.") % {
        "when": by_the_clock(launched_at, now)
    }


def _launched_within(cells: Sequence[Cell], summary: Summary) -> datetime | None:
    launched = summary.connector.created_at
    return launched if cells and launched > cells[0].at else None
