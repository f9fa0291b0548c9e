"""What is known about a write key: whether the destination last accepted it, rejected it, or was never asked.

The newest of three things counts: an answer to delivered events, the answers to test events, and the time the
destination began to reject the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors import ports
from connectors.models import Connector, WriteKey


class Standing(StrEnum):
    """`ACCEPTED` proves nothing: Segment also accepts events with a well-formed key that belongs to no source."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Known:
    """`at` is when that was last known, None while untried; `status` is the HTTP status of that answer, if it is
    kept."""

    standing: Standing
    at: datetime | None = None
    status: int | None = None

    @property
    def rejected(self) -> bool:
        return self.standing is Standing.REJECTED


def known(key: WriteKey, answer: ports.KeyAnswer | None = None) -> Known:
    """`answer` is the last one to delivered events, as `ports.key_answers` tells it."""
    told = [found for found in (_of_delivery(answer), _of_tests(key), _of_rejection(key)) if found]
    return max(told, key=lambda found: found[0])[1] if told else Known(Standing.UNTRIED)


def known_of(connector: Connector, key: WriteKey) -> Known:
    return known(key, ports.key_answers(connector).get(key.pk))


Told = tuple[datetime, Known]


def _of_delivery(answer: ports.KeyAnswer | None) -> Told | None:
    if answer is None:
        return None
    standing = Standing.ACCEPTED if answer.accepted else Standing.REJECTED
    return answer.at, Known(standing, answer.at, answer.status)


def _of_tests(key: WriteKey) -> Told | None:
    if key.tested_at is None:
        return None
    if key.accepted_tests:
        return key.tested_at, Known(Standing.ACCEPTED, key.tested_at)
    status = _rejecting_status(key)
    return (key.tested_at, Known(Standing.REJECTED, key.tested_at, status)) if status else None


def _of_rejection(key: WriteKey) -> Told | None:
    if key.rejected_at is None:
        return None
    return key.rejected_at, Known(Standing.REJECTED, key.rejected_at, _rejecting_status(key))


def _rejecting_status(key: WriteKey) -> int | None:
    return next((said["status"] for said in key.test_answers if said["status"] in (401, 403)), None)
