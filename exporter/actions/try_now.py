"""*Try now*: for a person who does not want to wait for the next attempt."""

from __future__ import annotations

from django.db import transaction

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Connector
from exporter.actions.connector_changes import make_due, ring


def try_now(connector: Connector, by: By) -> None:
    """Makes the connector due at once and sends a wake-up."""
    with transaction.atomic():
        make_due(connector)
        record(
            AuditAction.CONNECTOR_TRIED_NOW,
            by,
            workspace=connector.workspace,
            target=connector.name,
        )
        ring(connector)
