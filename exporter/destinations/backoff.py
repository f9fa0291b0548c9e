"""Back-off: how long to wait before the next request. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from exporter.destinations.answer import Answer, Verdict, classify

LONGEST_SECONDS = 300.0


SHORTEST_SECONDS = 0.1


PROBE_SECONDS = 300.0


# A number this large is a time (UNIX seconds), not a delay: some servers send X-RateLimit-Reset that way.
EPOCH_FROM = 1_000_000_000


_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?", re.ASCII)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait as the answer asks, 0 to 300; None if it does not ask, or not in a readable way.

    ``Retry-After`` takes precedence over ``X-RateLimit-Reset``; both may hold seconds, an HTTP date (RFC 9110) or
    UNIX seconds. A date is relative to the answer's own ``Date``, so that our clock need not agree with theirs.
    Negative values and times in the past are ignored.
    """
    here = _moment(headers.get("date", "")) or now
    for name in ("retry-after", "x-ratelimit-reset"):
        seconds = _seconds(headers.get(name, "").strip(), here)
        if seconds is not None and seconds >= 0:
            return min(seconds, LONGEST_SECONDS)
    return None


def _seconds(text: str, here: datetime) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if number < EPOCH_FROM else number - here.timestamp()
    moment = _moment(text)
    return None if moment is None else (moment - here).total_seconds()


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def backoff(failures: int, jitter: float) -> float:
    """Seconds to wait after so many failures in a row: 1, doubling up to 300, times ``jitter`` in [0, 1)."""
    doublings = min(max(failures - 1, 0), 16)
    return max(SHORTEST_SECONDS, jitter * min(LONGEST_SECONDS, 2.0**doublings))


def wait(answer: Answer, failures: int, now: datetime, jitter: float) -> float:
    """Seconds until the connector's next request after ``answer``; 0 if the next may be sent at once.

    A waiting time of 0 in the headers is no help against hammering, so it falls back to :func:`backoff`.
    """
    verdict = classify(answer)
    if verdict in (Verdict.ACCEPTED, Verdict.REFUSED_BODY):
        return 0.0
    if verdict in (Verdict.KEY_REJECTED, Verdict.REQUEST_REFUSED):
        return PROBE_SECONDS
    asked = retry_after(answer.headers, now)
    return max(asked, SHORTEST_SECONDS) if asked else backoff(failures, jitter)
