"""What the log promises: batches within their limits, read from any number on."""

from __future__ import annotations

import pytest

from connectors.models import Workspace
from exporter.intake.appender import append_now
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt, Store, Submission
from exporter.log import event_log
from exporter.models import EventBatch, RefusalCount
from tests.support.appended import assert_contiguous, ids, incoming
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory.create()


def test_batches_keep_to_a_thousand_events_and_a_megabyte(workspace: Workspace) -> None:
    append_now(workspace.pk, incoming(range(2_500)))
    append_now(workspace.pk, incoming(range(3_000, 3_020), campaign_name="x" * 99_000))
    append_now(workspace.pk, incoming([4_000], campaign_name="x" * 890_000))
    sizes = [header.end_event - header.first_event for header in event_log.headers(workspace.pk, 0, 100)]
    assert sizes[:3] == [1_000, 1_000, 500]
    assert sum(sizes[3:-1]) == 20
    assert max(sizes[3:-1]) <= 10
    assert_contiguous(workspace)


def test_small_bodies_of_a_group_share_a_batch(workspace: Workspace) -> None:
    bodies = [Submission(workspace.pk, incoming(range(first, first + 4))) for first in range(0, 40, 4)]
    Store().store(bodies)
    assert EventBatch.objects.count() == 1
    assert ids(workspace) == [f"event-{number}" for number in range(40)]


def test_reading_begins_where_the_cursor_stands(workspace: Workspace) -> None:
    for first in (0, 10, 20):
        append_now(workspace.pk, incoming(range(first, first + 10)))
    found = event_log.headers(workspace.pk, 10, 1)
    assert [(one.first_event, one.end_event) for one in found] == [(10, 20)]
    assert [one.first_event for one in event_log.headers(workspace.pk, 9, 9)] == [0, 10, 20]
    assert event_log.headers(workspace.pk, 30, 9) == []


def test_workspaces_do_not_share_ids(workspace: Workspace) -> None:
    other = WorkspaceFactory.create()
    store = Store()
    group = [Submission(one.pk, incoming(range(3))) for one in (other, workspace)]
    assert store.store(group) == [Receipt(3, 0), Receipt(3, 0)]
    assert ids(other) == ids(workspace)


def test_refused_events_stand_or_fall_with_the_append(workspace: Workspace) -> None:
    refused = [Refusal(0, b"{}", "id is missing.", None)]

    def fail() -> None:
        raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        append_now(workspace.pk, incoming([1]), refused, fail)
    assert RefusalCount.objects.count() == 0
    append_now(workspace.pk, incoming([1]), refused)
    assert RefusalCount.objects.get().kept == 1
