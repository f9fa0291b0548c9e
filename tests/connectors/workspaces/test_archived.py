"""An archived workspace receives nothing more, also what is added at the very moment it is archived."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from connectors.audit.actor import By
from connectors.models import Workspace
from connectors.workspaces import tokens, workspaces
from connectors.workspaces.archived import Archived
from tests.support.factories import WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = By(None)


def add_token(workspace: Workspace) -> None:
    tokens.create(workspace, "late", ["intake"], NOBODY)


def add_connector(workspace: Workspace) -> None:
    launch(workspace)


@pytest.mark.parametrize("add", [add_token, add_connector])
def test_nothing_is_added_at_the_moment_a_workspace_is_archived(add: Callable[[Workspace], None]) -> None:
    workspace = WorkspaceFactory.create()
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
