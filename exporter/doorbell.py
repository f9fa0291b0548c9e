"""Doorbells: Celery messages that say "look now". Losing one costs seconds, doubling one costs nothing."""

from __future__ import annotations

from collections.abc import Iterable


def ring_quietly(delivery_ids: Iterable[int]) -> int:
    raise NotImplementedError
