"""Answers: what Segment's answer to a request means. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What an answer says about the request, not about single events."""

    ACCEPTED = "accepted"
    REFUSED_BODY = "refused_body"
    KEY_REJECTED = "key_rejected"
    REQUEST_REFUSED = "request_refused"
    SLOW_DOWN = "slow_down"
    RETRY = "retry"


_BY_STATUS: Mapping[int, Verdict] = {
    400: Verdict.REFUSED_BODY,
    413: Verdict.REFUSED_BODY,
    401: Verdict.KEY_REJECTED,
    403: Verdict.KEY_REJECTED,
    408: Verdict.SLOW_DOWN,
    410: Verdict.SLOW_DOWN,
    429: Verdict.SLOW_DOWN,
    460: Verdict.SLOW_DOWN,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one HTTP request.

    ``status`` is None where no answer came, and ``error`` then names the fault plainly. ``headers`` have
    lower-cased names; ``body`` holds at most 64 kB.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str = ""
    milliseconds: float = 0.0


def classify(answer: Answer) -> Verdict:
    """The verdict on an answer. A status we cannot interpret is retried."""
    status = answer.status
    if status is None:
        return Verdict.RETRY
    if 200 <= status < 300:
        return Verdict.ACCEPTED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Verdict.REQUEST_REFUSED if 300 <= status < 500 else Verdict.RETRY


# Answers grouped into families, so that a chart has few colours whatever Segment answers.
FAMILIES = ("accepted", "refused", "wait", "none")
# How a fault of ours is named where an answer would stand.
OF_OURS = "internal fault"

# Statuses below 500 after which the same request may be accepted later.
WAIT_STATUSES = frozenset(status for status, verdict in _BY_STATUS.items() if verdict is Verdict.SLOW_DOWN)


def family(answer: str) -> str:
    """`accepted`, `refused` (never going to be accepted), `wait` (may be accepted later), or `none` (no answer)."""
    if not answer.isdecimal():
        return "none"
    status = int(answer)
    if 200 <= status < 300:
        return "accepted"
    return "wait" if status >= 500 or status in WAIT_STATUSES else "refused"
