"""The Celery queues, what each is for, and what waits in them."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

from celery.signals import before_task_publish
from django.conf import settings
from redis import Redis

# Healthy deliveries; those whose last attempt failed, so that they never hold up healthy ones; everything else.
QUEUES = ("delivery", "retry", "chores")
_ASK_SECONDS = 1.0
# The header of a message that tells when it was sent, in UNIX seconds.
_SENT_AT = "sent_at"


def part_of(queue: str) -> str:
    """The part whose heartbeat says that some worker serves the queue."""
    return f"worker:{queue}"


class Queue(NamedTuple):
    """How many messages wait, and for how long the oldest has by its sender's clock; 0 where none does."""

    name: str
    length: int
    oldest_seconds: float


@before_task_publish.connect
def _stamp(headers: dict[str, Any], **_kwargs: Any) -> None:
    headers[_SENT_AT] = time.time()


def client() -> Redis:
    """Of the broker itself; it waits a second for an answer."""
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=_ASK_SECONDS, socket_connect_timeout=_ASK_SECONDS
    )


def look() -> list[Queue]:
    """Raises:
    redis.RedisError, OSError, ValueError: the broker does not answer.
    """
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix") or ""
    with client() as broker, broker.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.llen(f"{prefix}{queue}")
            # Taken from this end.
            asked.lindex(f"{prefix}{queue}", -1)
        told = asked.execute()
    return [
        Queue(name, length, _age(oldest))
        for name, length, oldest in zip(QUEUES, told[::2], told[1::2], strict=True)
    ]


def _age(message: bytes | None) -> float:
    if message is None:
        return 0.0
    sent_at = json.loads(message)["headers"].get(_SENT_AT)
    return max(0.0, time.time() - sent_at) if sent_at else 0.0
