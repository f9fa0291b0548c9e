"""A change of settings and the delivery of events go on beside each other: neither waits for the other in a ring."""

from __future__ import annotations

import pytest
from django.db import transaction

from connectors.models import Workspace
from connectors.setup import lifecycle
from connectors.workspaces.archived import hold_open
from exporter.models import RejectedEvent
from tests.support.delivering import a_line
from tests.support.factories import event
from tests.support.threads import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


def test_rejected_events_are_settled_while_their_connector_is_changed() -> None:
    with a_line() as line:
        line.feed_events([event(1), event(2)])
        line.sandbox.fail(status=400, match={"message_id": "event-1"})
        with transaction.atomic():
            lifecycle.locked(line.connector)
            thread = in_thread(line.deliver)
            thread.join(20)
            assert not thread.is_alive(), "it waits for the change"
        assert line.outcomes() == {"delivered": 1, "rejected": 1}


def test_refused_events_are_kept_while_their_workspace_is_held_open() -> None:
    with a_line() as line, transaction.atomic():
        hold_open(line.workspace)
        thread = in_thread(lambda: keep_refused(line.workspace))
        thread.join(20)
        assert not thread.is_alive(), "it waits for whoever holds the workspace"
    assert RejectedEvent.objects.count() == 1


def keep_refused(workspace: Workspace) -> None:
    RejectedEvent.objects.create(workspace=workspace, reason="not an object", event=b"1", id_hash=b"1")
