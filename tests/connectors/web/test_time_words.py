"""Names of days and months are those of the reader's language, begun as it begins them, and no other word of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from babel.dates import get_day_names, get_month_names
from django.conf import settings
from django.utils import translation
from django.utils.dateformat import format as formatted
from django.utils.translation import to_locale

from connectors.web.time_words import PATTERNS, by_the_clock, written

LANGUAGES = [code for code, _name in settings.LANGUAGES]
# The days of a week, and one of each month.
MOMENTS = [datetime(2026, 11, 23, tzinfo=UTC) + timedelta(days=day) for day in range(7)] + [
    datetime(2026, month, 12, tzinfo=UTC) for month in range(1, 13)
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_days_and_months_are_named_as_the_language_names_them(language: str) -> None:
    locale = to_locale(language)
    months, days = get_month_names("wide", locale=locale), get_day_names("wide", locale=locale)
    with translation.override(language):
        for moment in MOMENTS:
            assert formatted(moment, "F") == months[moment.month]
            assert formatted(moment, "l") == days[moment.weekday()]


@pytest.mark.parametrize(("language", "pattern"), list(product(LANGUAGES, map(str, PATTERNS))))
def test_what_is_cut_short_begins_as_the_whole_name_does(language: str, pattern: str) -> None:
    with translation.override(language):
        for moment in MOMENTS:
            said = written(moment, pattern)
            names = formatted(moment, "F"), formatted(moment, "l")
            # In Japanese, one letter may stand for a day.
            assert any(name[: 1 if language == "ja" else 2] in said for name in names), said


# The night of a Sunday to a Monday.
NIGHT = datetime(2027, 3, 1, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(0), "00:01"),
        (timedelta(minutes=2), "Sunday, 23:59"),
        (timedelta(days=5), "Wednesday, 00:01"),
        (timedelta(days=6), "23 February, 00:01"),
        (timedelta(days=60), "31 December, 00:01"),
        (timedelta(days=365), "1 March 2026, 00:01"),
        (timedelta(days=-3), "Thursday, 00:01"),
        (timedelta(days=-400), "4 April 2028, 00:01"),
    ],
)
def test_a_moment_is_told_with_as_much_of_its_day_as_tells_it_from_others(ago: timedelta, words: str) -> None:
    assert by_the_clock(NIGHT - ago, NIGHT) == words
