"""A workspace may keep events for less time than the installation; the page says until when they can be replayed."""

from __future__ import annotations

import pytest
from django.conf import settings

from connectors.models import AuditEntry, Role, Workspace
from exporter.log import retention
from exporter.maintenance import trimming
from exporter.models import EventBatch
from tests.exporter.views.test_attempts import somebody
from tests.support.ageing import make_older, signed
from tests.support.delivering import a_line
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def path(workspace: Workspace) -> str:
    return f"/w/{workspace.slug}/settings/retention/"


def test_fewer_hours_are_kept_told_and_trimmed() -> None:
    with a_line() as line, a_line() as other:
        for one in (line, other):
            one.feed(3)
            one.deliver()
            make_older(one, hours=100)
            one.feed(2)
            one.deliver()
        signed("sweep")
        admin = somebody(line.workspace, Role.ADMIN)
        assert "can be replayed until" in admin.get(path(line.workspace)).content.decode()
        assert trimming.trim() == 0
        assert admin.post(path(line.workspace), {"hours": "80"}).status_code == 303
        assert trimming.trim() == 1
        kept = EventBatch.objects.values_list("workspace_id", "first_event").order_by(
            "workspace_id", "first_event"
        )
        assert list(kept) == [(line.workspace.pk, 3), (other.workspace.pk, 0), (other.workspace.pk, 3)]
        entry = AuditEntry.objects.get(action="workspace.retention")
        assert entry.after == {"kept_hours": 80.0}
        admin.post(path(line.workspace), {"hours": ""})
        line.workspace.refresh_from_db()
        assert line.workspace.retention_hours is None


@pytest.mark.parametrize("hours", ["71", "169", "0", "-1", "many", "9" * 30])
def test_hours_no_workspace_may_keep_are_one_sentence(hours: str) -> None:
    workspace = WorkspaceFactory.create()
    answer = somebody(workspace, Role.ADMIN).post(path(workspace), {"hours": hours})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose 72 to 168 hours" in page or "Enter a whole number." in page
    assert not AuditEntry.objects.filter(action="workspace.retention").exists()


def test_what_expires_can_be_replayed_for_a_day_whatever_the_workspace_chose() -> None:
    workspace = WorkspaceFactory.create(retention_hours=1)
    assert retention.hours_of(workspace) == settings.CURRENTS_EXPIRY_HOURS + 24
