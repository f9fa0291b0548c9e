"""The Celery queues, and what each is for."""

from __future__ import annotations

# Healthy deliveries; those whose last attempt failed, so that they never hold up healthy ones; everything else.
QUEUES = ("delivery", "retry", "chores")
