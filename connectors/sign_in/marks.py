"""The cache that sign-in counts in: a table of its own. Its rows are JSON, so whoever can write one runs nothing, and
only time takes one away, so nobody pushes out another's.

django-allauth keeps its limits and the codes that were used here, by Django's cache interface.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection
from django.utils import timezone

from connectors.sign_in.models import Mark

_LONGEST = timedelta(days=30)


class MarkCache(BaseCache):
    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """False where there is one that has not expired: the database decides, whoever asks at once."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO connectors_mark AS known (key, value, expires_at) VALUES (%s, %s::jsonb, %s) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at "
                "WHERE known.expires_at <= statement_timestamp() RETURNING 1",
                [self._name(key, version), json.dumps(value), self._until(timeout)],
            )
            return cursor.fetchone() is not None

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = Mark.objects.filter(key=self._name(key, version), expires_at__gt=timezone.now()).first()
        return default if found is None else found.value

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        Mark.objects.update_or_create(
            key=self._name(key, version), defaults={"value": value, "expires_at": self._until(timeout)}
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(Mark.objects.filter(key=self._name(key, version)).delete()[0])

    def clear(self) -> None:
        Mark.objects.all().delete()

    def _name(self, key: str, version: int | None) -> str:
        return sha256(self.make_key(key, version).encode()).hexdigest()

    def _until(self, timeout: Any) -> datetime:
        at = self.get_backend_timeout(timeout)
        latest = timezone.now() + _LONGEST
        return latest if at is None else min(latest, datetime.fromtimestamp(at, UTC))
