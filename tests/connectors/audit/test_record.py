"""The audit log in the database: append-only, whoever asks, and it outlives what it speaks of."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from connectors.audit.actions import AuditAction
from connectors.audit.actor import SYSTEM, By
from connectors.audit.record import record
from connectors.models import AuditEntry, User, Workspace
from tests.support.factories import UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE connectors_auditentry SET actor_email = ''",
        "DELETE FROM connectors_auditentry",
        "UPDATE connectors_auditentry SET at = at",
    ],
)
def test_the_database_refuses_to_change_an_entry(change: str) -> None:
    record(AuditAction.CONNECTOR_PAUSED, SYSTEM, workspace=WorkspaceFactory.create())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as sql:
        sql.execute(change)
    assert AuditEntry.objects.count() == 1


def test_entries_stay_when_the_person_and_the_workspace_go() -> None:
    workspace, user = WorkspaceFactory.create(), UserFactory.create(email="gone@example.com")
    entry = record(AuditAction.CONNECTOR_PAUSED, By(user), workspace=workspace)
    user.delete()
    workspace.delete()
    entry.refresh_from_db()
    assert (entry.actor_email, entry.action) == ("gone@example.com", "connector.paused")
    assert not User.objects.exists()
    assert not Workspace.objects.exists()
