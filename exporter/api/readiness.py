"""Is the whole system able to take and deliver events? Each part is asked separately."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis, RedisError

log = logging.getLogger(__name__)

WORKER_SECONDS = 15.0
BEAT_SECONDS = 15.0
_ASK_SECONDS = 1.0


def missing() -> list[str]:
    """Names of the parts that do not answer: `database`, `broker`, `worker`, `beat`; empty when all do."""
    gone = [] if _broker_answers() else ["broker"]
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT part, extract(epoch FROM clock_timestamp() - at)::float8 FROM exporter_sign"
            )
            ages = dict(cursor.fetchall())
    except DatabaseError:
        connection.close()
        return ["database", *gone]
    if ages.get("worker", WORKER_SECONDS) >= WORKER_SECONDS:
        gone.append("worker")
    if ages.get("beat", BEAT_SECONDS) >= BEAT_SECONDS:
        gone.append("beat")
    return gone


def _broker_answers() -> bool:
    try:
        client = Redis.from_url(
            settings.REDIS_URL, socket_timeout=_ASK_SECONDS, socket_connect_timeout=_ASK_SECONDS
        )
        with client:
            return bool(client.ping())
    except (RedisError, OSError, ValueError) as error:
        log.info("The broker does not answer (%s).", type(error).__name__)
        return False
