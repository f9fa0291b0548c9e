"""The broker of the tests, which other tests have sent messages to."""

from __future__ import annotations

import pytest
from django.conf import settings
from redis import Redis

from exporter.dispatch.queues import QUEUES


@pytest.fixture
def empty_queues() -> None:
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix") or ""
    with Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete(*(f"{prefix}{queue}" for queue in QUEUES))
