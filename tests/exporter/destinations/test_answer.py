"""Every answer gets the verdict and the waiting time that the rules of delivery give it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.destinations.answer import Answer, Verdict, classify
from exporter.destinations.backoff import backoff, retry_after, wait

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def date(seconds: float, start: datetime = NOW) -> str:
    return format_datetime(start + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("verdict", "statuses"),
    [
        (Verdict.ACCEPTED, [200, 201, 202, 204, 299]),
        (Verdict.REFUSED_BODY, [400, 413]),
        (Verdict.KEY_REJECTED, [401, 403]),
        (
            Verdict.REQUEST_REFUSED,
            [300, 301, 302, 304, 307, 308, 402, 404, 405, 406, 409, 411, 415, 422, 451, 499],
        ),
        (Verdict.SLOW_DOWN, [408, 410, 429, 460]),
        (Verdict.RETRY, [500, 501, 502, 503, 504, 511, 599, 100, 101, 0, -1, 600, 999, None]),
    ],
)
def test_each_status_has_its_verdict(verdict: Verdict, statuses: list[int | None]) -> None:
    assert {classify(Answer(status)) for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "301"}, 300),
        ({"retry-after": "86400"}, 300),
        ({"retry-after": "-5"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": "\u0663"}, None),
        ({"retry-after": date(30)}, 30),
        ({"retry-after": date(3600)}, 300),
        ({"retry-after": date(-30)}, None),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 -0000"}, 30),
        ({"retry-after": "Fri, 99 Foo 2026 03:04:35 GMT"}, None),
        ({"retry-after": "Fri, 02 Jan 99999999 03:04:35 GMT"}, None),
        ({"retry-after": date(30, NOW + timedelta(hours=5)), "date": date(0, NOW + timedelta(hours=5))}, 30),
        ({"retry-after": date(30), "date": "yesterday"}, 30),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": "garbage"}, None),
        ({"x-ratelimit-reset": date(30)}, 30),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 40)}, 40),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) - 40)}, None),
        ({"x-ratelimit-reset": str(int(NOW.timestamp() + 40) * 1000)}, 300),
        ({"retry-after": "7", "x-ratelimit-reset": "12"}, 7),
        ({"retry-after": "soon", "x-ratelimit-reset": "12"}, 12),
        ({"retry-after": date(-30), "x-ratelimit-reset": "12"}, 12),
    ],
)
def test_waiting_headers_are_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset", "date"]), st.text()))
def test_no_header_can_break_the_reading_or_stretch_the_wait(headers: dict[str, str]) -> None:
    seconds = retry_after(headers, NOW)
    assert seconds is None or 0 <= seconds <= 300


def test_back_off_doubles_from_one_second_to_five_minutes() -> None:
    almost = 1 - 2**-53
    ceilings = [round(backoff(failures, almost)) for failures in range(1, 12)]
    assert ceilings == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert round(backoff(10**9, almost)) == 300


def test_back_off_spreads_over_its_whole_range_but_never_hammers() -> None:
    assert backoff(5, 0.5) == 8
    assert backoff(5, 0.25) == 4
    assert backoff(5, 0.0) == backoff(1, 0.0) == backoff(0, 0.0) == 0.1


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(200), 0),
        (Answer(400), 0),
        (Answer(413, {"retry-after": "9"}), 0),
        (Answer(401), 300),
        (Answer(403, {"retry-after": "9"}), 300),
        (Answer(301), 300),
        (Answer(404), 300),
        (Answer(429, {"retry-after": "9"}), 9),
        (Answer(429, {"x-ratelimit-reset": "9"}), 9),
        (Answer(503, {"retry-after": "9"}), 9),
        (Answer(429), 2),
        (Answer(503), 2),
        (Answer(None, error="timed out"), 2),
        (Answer(429, {"retry-after": "soon"}), 2),
        (Answer(429, {"retry-after": "0"}), 2),
        (Answer(429, {"retry-after": "0.001"}), 0.1),
    ],
)
def test_the_wait_follows_the_header_else_the_back_off(answer: Answer, seconds: float) -> None:
    assert wait(answer, failures=3, now=NOW, jitter=0.5) == seconds
