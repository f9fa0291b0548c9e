"""An archived workspace receives nothing more, also what is added at the very moment it is archived."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from connectors.audit.actor import By
from connectors.models import Workspace
from connectors.workspaces import invitations, tokens, workspaces
from connectors.workspaces.archived import Archived
from exporter.actions import retries
from exporter.models import RefusedRetry
from tests.support.factories import RejectedEventFactory, WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = By(None)


def add_token(workspace: Workspace) -> None:
    tokens.create(workspace, "late", ["intake"], NOBODY)


def add_connector(workspace: Workspace) -> None:
    launch(workspace)


def retry_refused(workspace: Workspace) -> None:
    retries.retry_refused(workspace, NOBODY)


def add_guest(workspace: Workspace) -> None:
    invitations.invite(workspace, "guest@example.com", "viewer", None, NOBODY)


@pytest.mark.parametrize("add", [add_token, add_connector, add_guest, retry_refused])
def test_nothing_is_added_at_the_moment_a_workspace_is_archived(add: Callable[[Workspace], None]) -> None:
    workspace = WorkspaceFactory.create()
    RejectedEventFactory.create(workspace=workspace)
    told: list[str] = []

    def late() -> None:
        try:
            add(workspace)
            told.append("added")
        except Archived:
            told.append("archived")
        finally:
            connection.close()

    thread = threading.Thread(target=late)
    with transaction.atomic():
        workspaces.archive(workspace, NOBODY)
        thread.start()
        thread.join(0.5)
        assert told == [], "it waits for the decision"
    thread.join()
    assert told == ["archived"]
    assert not workspace.connectors.exists()
    assert not workspace.intake_tokens.exists()
    assert not workspace.invitations.exists()
    assert not RefusedRetry.objects.exists()
