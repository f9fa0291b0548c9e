"""What a chart says fits at any hour of the day and with any numbers: nothing is cut, nothing lies on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from playwright.sync_api import Page

from connectors.models import Connector, User
from exporter.destinations.answer import FAMILIES
from exporter.display import figures, health_strip
from exporter.reports.health import Health
from exporter.reports.time_series import EVENT_ROWS, STRIP_CELLS, STRIP_STEP, Cell, Timeline, Trends
from exporter.reports.windows import DAY, WEEK, TimeWindow
from tests.browser.fitting import misfits
from tests.browser.more_pages import show, wait
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture
from tests.support.summaries import a_summary

WIDTHS = (320, 390, 768, 900, 1440)
LANGUAGES = ("en", "de", "ja")
# Two digits in each day of the month, so that labels are as wide as they get.
MIDNIGHT = datetime(2026, 11, 26, tzinfo=UTC)
HOURS = range(0, 24, 2)
# The steps of a day in which most was lost: side by side at either end, and far apart.
LOSSES = ((21, 22, 23), (0, 1, 2), (0, 12, 23), (11, 12, 13), ())
REPLACE = """([place, shown]) => { document.querySelector(place).outerHTML = shown; }"""


@pytest.fixture
def status_page(
    admin: User,
    open_as: Callable[..., Page],
    pages: dict[str, tuple[str, Act]],  # noqa: F811
) -> Page:
    page = open_as(admin)
    show(page, pages["status-busy"][0], wait)
    # The page would ask for its numbers again.
    page.evaluate(
        "document.querySelectorAll('[hx-trigger]').forEach((one) => one.removeAttribute('hx-trigger'))"
    )
    return page


def test_the_days_of_a_week_fit_at_every_hour(status_page: Page) -> None:
    found = []
    for language in LANGUAGES:
        for hour in HOURS:
            now = MIDNIGHT + timedelta(hours=hour)
            with translation.override(language):
                status_page.evaluate(REPLACE, [".strip", a_strip(now)])
            found += [f"{language}, {hour}: {fault}" for fault in faults(status_page)]
    assert not found, "\n".join(found)


def test_numbers_of_seven_digits_fit_wherever_they_stand(status_page: Page) -> None:
    found = []
    for language in LANGUAGES:
        for lost in LOSSES:
            with translation.override(language):
                status_page.evaluate(REPLACE, [".plot.events", a_figure(figures.events(a_day(lost), ""))])
                status_page.evaluate(REPLACE, [".plot.delays", a_figure(figures.delays(a_day(lost)))])
            found += [f"{language}, {lost}: {fault}" for fault in faults(status_page)]
    assert not found, "\n".join(found)


def test_the_days_below_the_chart_of_a_week_fit(status_page: Page) -> None:
    found = []
    for language in LANGUAGES:
        with translation.override(language):
            # Around the end of a month, whose name is one of the longest.
            figure = figures.events(a_day((), WEEK, datetime(2026, 9, 26, tzinfo=UTC)), "")
            status_page.evaluate(REPLACE, [".plot.events", a_figure(figure, WEEK)])
        found += [f"{language}: {fault}" for fault in faults(status_page)]
    assert not found, "\n".join(found)


def faults(page: Page) -> Iterator[str]:
    for width in WIDTHS:
        yield from misfits(page, width)


def a_strip(now: datetime) -> str:
    week = WEEK.since(now)
    cells = [Cell(week + timedelta(seconds=STRIP_STEP * place), "ok") for place in range(STRIP_CELLS)]
    told = a_summary(Health.DELIVERING, connector=Connector(created_at=week), now=now)
    return render_to_string("exporter/status_strip.html", {"strip": health_strip.strip(cells, told)})


def a_figure(figure: figures.Figure, window: TimeWindow = DAY) -> str:
    pattern = "j M" if window is WEEK else "H:i"
    return render_to_string("exporter/figure.html", {"figure": figure, "hour_format": pattern})


def a_day(lost: tuple[int, ...], window: TimeWindow = DAY, since: datetime = MIDNIGHT) -> Trends:
    """A window of millions of events, most of which took hours; `lost` are the steps in which most were lost."""
    begins = [since + timedelta(seconds=window.step * step) for step in range(window.steps)]
    events = {name: [0.0] * window.steps for name in EVENT_ROWS}
    events["delivered"] = [2_345_678.0] * window.steps
    events["expired"] = [1_234_567.0 + step if step in lost else 0.0 for step in range(window.steps)]
    delays = {"p50": 7_140.0, "p95": 35_940.0, "p99": 86_340.0}
    return Trends(
        window,
        Timeline(begins, {name: list(row) for name, row in events.items()}),
        Timeline(begins, {name: [value] * window.steps for name, value in delays.items()}),
        Timeline(begins, {name: [0.0] * window.steps for name in FAMILIES}),
        [],
        [],
    )
