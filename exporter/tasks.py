"""Celery tasks: doorbells, an id and one call each. All state is in PostgreSQL."""

from __future__ import annotations

from celery import shared_task

from exporter import doorbell
from exporter.delivery.run import deliver as deliver_once
from exporter.delivery.run import moved_on
from exporter.delivery.turn import stopping
from exporter.sweep import claim
from exporter.sweep import sweep as sweep_once


@shared_task(name="exporter.tasks.deliver")
def deliver(delivery_id: int) -> str:
    """One turn; rings again where something is left to do."""
    word = deliver_once(delivery_id)
    if word in ("behind", "idle") and not stopping.is_set() and moved_on(delivery_id):
        doorbell.ring_quietly([delivery_id])
    return word


@shared_task(name="exporter.tasks.sweep")
def sweep() -> int:
    """Rung by beat; that it came tells that beat lives."""
    claim("beat", 0.0)
    return sweep_once()
