"""When Segment began to reject a key: recorded once per trouble, whichever delivery notices it."""

from __future__ import annotations

from django.db.models import F, Q

from connectors.setup import key_rotation
from exporter.models import Delivery, Stopped


def note(connector_id: int, key_id: int) -> None:
    """Segment answered this key with 401 or 403.

    While a delivery of the connector is stopped because of its key, a further rejection is the same trouble, and the
    recorded time stays. So a delivery records it before it settles its own stop.
    """
    key_rotation.note_rejected(key_id, anew=not _stopped(connector_id))


def _stopped(connector_id: int) -> bool:
    """A retry that gave up stays stopped for ever, which says nothing about today."""
    under_way = Q(stop__isnull=True) | Q(cursor__lt=F("stop"))
    stopped = Delivery.objects.filter(under_way, connector_id=connector_id, stopped=Stopped.KEY_REJECTED)
    return stopped.exists()
