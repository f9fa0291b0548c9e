"""The Celery queues, what each is for, and how many messages wait in them."""

from __future__ import annotations

from django.conf import settings
from redis import Redis

# Healthy deliveries; those whose last attempt failed, so that they never hold up healthy ones; everything else.
QUEUES = ("delivery", "retry", "chores")
_ASK_SECONDS = 1.0


def lengths() -> dict[str, int]:
    """Waiting messages by queue.

    Raises:
        redis.RedisError, OSError, ValueError: the broker does not answer.
    """
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix") or ""
    client = Redis.from_url(
        settings.REDIS_URL, socket_timeout=_ASK_SECONDS, socket_connect_timeout=_ASK_SECONDS
    )
    with client, client.pipeline(transaction=False) as asked:
        for queue in QUEUES:
            asked.llen(f"{prefix}{queue}")
        return dict(zip(QUEUES, asked.execute(), strict=True))
