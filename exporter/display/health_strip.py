"""The health strip: a week in cells of two hours, low where all went well and tall where there was trouble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.web.time_words import by_the_clock, duration
from exporter.reports.time_series import STRIP_CELLS, STRIP_STEP, Cell

STEP, WIDTH, HEIGHT = 10, 8, 28
_HEIGHTS = {"none": 3, "ok": 8, "warn": 22, "bad": 28}


@dataclass(frozen=True, slots=True)
class Shape:
    """All cells of a kind as one SVG path, in a viewBox `STRIP_CELLS * STEP` wide and `HEIGHT` high."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Day:
    """The first cell of a day, at `x` percent."""

    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Strip:
    """`sentence` says the same in words; `kind` is the worst of the cells."""

    shapes: list[Shape]
    days: list[Day]
    sentence: str
    kind: str


def strip(cells: Sequence[Cell], now: datetime) -> Strip:
    paths: dict[str, str] = {}
    for place, cell in enumerate(cells):
        high = _HEIGHTS[cell.kind]
        block = f"M{place * STEP} {HEIGHT - high}h{WIDTH}v{high}h-{WIDTH}z"
        paths[cell.kind] = paths.get(cell.kind, "") + block
    shapes = [Shape(kind, path) for kind, path in paths.items()]
    worst = max((cell.kind for cell in cells), key=list(_HEIGHTS).index, default="none")
    return Strip(shapes, _days(cells), _sentence(cells, now), worst)


def _days(cells: Sequence[Cell]) -> list[Day]:
    days = []
    for place, cell in enumerate(cells):
        local = timezone.localtime(cell.at)
        # A label needs room to its right.
        if local.hour < STRIP_STEP // 3_600 and place <= STRIP_CELLS - 6:
            days.append(Day(round(100 * place / STRIP_CELLS, 2), cell.at))
    return days


def _sentence(cells: Sequence[Cell], now: datetime) -> str:
    runs = [(kind, list(run)) for kind, run in groupby(cells, key=lambda cell: cell.kind in ("warn", "bad"))]
    troubles = [run for is_trouble, run in runs if is_trouble]
    if not troubles:
        worked = any(cell.kind == "ok" for cell in cells)
        return _("No trouble in the last 7 days.") if worked else _("Nothing was sent in the last 7 days.")
    last = troubles[-1]
    terms = {"when": by_the_clock(last[0].at, now), "n": len(troubles)}
    if last[-1] is cells[-1]:
        return _("Trouble since %(when)s.") % terms
    span = duration(timedelta(seconds=STRIP_STEP * len(last)).total_seconds())
    if len(troubles) == 1:
        return _("Trouble within %(span)s from %(when)s; no other in the last 7 days.") % (
            terms | {"span": span}
        )
    return (
        ngettext(
            "%(n)s spell of trouble in the last 7 days, the last from %(when)s.",
            "%(n)s spells of trouble in the last 7 days, the last from %(when)s.",
            len(troubles),
        )
        % terms
    )
