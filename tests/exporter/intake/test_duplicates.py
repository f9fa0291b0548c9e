"""What the windows of ids promise: each event once, told by type and id, in bounded memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Workspace
from exporter.destinations.segment.transform import Plan, convert
from exporter.intake import duplicates
from exporter.intake.duplicates import Duplicates
from exporter.intake.normalise import normalise
from exporter.intake.store import Receipt, Store, Submission
from exporter.log import event_log, own_id, unpacking
from exporter.log.events import Incoming
from tests.support.appended import assert_contiguous, ids, incoming
from tests.support.factories import WorkspaceFactory, event

pytestmark = pytest.mark.django_db(transaction=True)
OPEN, CLICK, SEND = (f"users.messages.email.{word}" for word in ("Open", "Click", "Send"))


@pytest.fixture
def workspace() -> Workspace:
    made: Workspace = WorkspaceFactory.create()
    return made


def of_type(event_type: str, number: int = 1, **fields: Any) -> Incoming:
    return normalise(json.dumps(event(number, event_type=event_type, **fields)).encode())


def lines(workspace: Workspace) -> list[bytes]:
    headers = event_log.headers(workspace.pk, 0, 1_000)
    payloads = event_log.payloads([header.id for header in headers])
    return [line for header in headers for line in unpacking.lines(payloads[header.id])]


def message_ids(workspace: Workspace) -> list[str]:
    plan = Plan(frozenset({OPEN, CLICK, SEND}), include_anonymous=True)
    return [json.loads(convert(line, plan).call or b"")["messageId"] for line in lines(workspace)]


def rewind(workspace: Workspace, head: int) -> None:
    """As a restored dump leaves the log: its head is earlier, and what came after it is gone."""
    with connection.cursor() as sql:
        sql.execute(
            "DELETE FROM exporter_eventbatch WHERE workspace_id = %s AND end_event > %s", [workspace.pk, head]
        )
        sql.execute(
            "UPDATE exporter_eventlog SET next_event = %s WHERE workspace_id = %s", [head, workspace.pk]
        )


@pytest.mark.parametrize("apart", [False, True])
def test_events_of_two_types_with_one_id_are_both_stored(workspace: Workspace, apart: bool) -> None:
    store, both = Store(), [of_type(OPEN), of_type(CLICK)]
    bodies = [[one] for one in both] if apart else [both]
    for body in bodies:
        assert store.store([Submission(workspace.pk, body)]) == [Receipt(len(body), 0)]
    assert store.store([Submission(workspace.pk, both)]) == [Receipt(0, 2)]
    assert Store().store([Submission(workspace.pk, both)]) == [Receipt(0, 2)]
    assert_contiguous(workspace)


def test_of_events_with_one_id_the_later_go_out_with_ids_of_their_own(workspace: Workspace) -> None:
    for one in (of_type(OPEN), of_type(CLICK), of_type(SEND), of_type(SEND, 2)):
        # Each in a process of its own: the id does not hang on what is remembered.
        Store().store([Submission(workspace.pk, [one])])
    made = [own_id.made_from(name, "event-1") for name in (CLICK, SEND)]
    assert message_ids(workspace) == ["event-1", *made, "event-2"]
    assert ids(workspace) == ["event-1", "event-1", "event-1", "event-2"]


def test_an_own_id_is_the_same_wherever_it_is_made() -> None:
    assert own_id.made_from(CLICK, "event-1") == "d5fe4b84-72e2-57e9-8855-c9df9711cd93"


def test_the_field_of_own_ids_is_taken_from_no_event(workspace: Workspace) -> None:
    planted: dict[str, Any] = {own_id.FIELD: "planted"}
    events = [of_type(OPEN, **planted), of_type(OPEN, 2, properties=planted), of_type(OPEN, 3, user=planted)]
    Store().store([Submission(workspace.pk, events)])
    assert message_ids(workspace) == ["event-1", "event-2", "event-3"]
    assert b"planted" not in b"".join(lines(workspace))


def test_an_event_of_every_type_with_one_id_in_one_body_is_stored(workspace: Workspace) -> None:
    events = [of_type(one.event_type) for one in CATALOGUE.events]
    assert Store().store([Submission(workspace.pk, events)]) == [Receipt(len(events), 0)]
    assert len({json.loads(line).get(own_id.FIELD) for line in lines(workspace)}) == len(events)


def test_an_alias_is_the_same_type(workspace: Workspace) -> None:
    both = [of_type("users.canvas.Abort"), of_type("users_canvas_abort")]
    assert Store().store([Submission(workspace.pk, both)]) == [Receipt(1, 1)]


def test_what_a_restored_log_has_lost_is_no_duplicate(workspace: Workspace) -> None:
    store = Store()
    store.store([Submission(workspace.pk, incoming(range(10)))])
    store.store([Submission(workspace.pk, incoming(range(10, 20)))])
    rewind(workspace, 10)
    assert store.store([Submission(workspace.pk, incoming(range(20)))]) == [Receipt(10, 10)]
    assert ids(workspace) == [f"event-{number}" for number in range(20)]


def test_what_a_restored_log_has_lost_is_no_duplicate_once_others_have_filled_it(
    workspace: Workspace,
) -> None:
    store = Store()
    for first in (0, 10):
        store.store([Submission(workspace.pk, incoming(range(first, first + 10)))])
    rewind(workspace, 10)
    Store().store([Submission(workspace.pk, incoming(range(100, 115)))])
    assert store.store([Submission(workspace.pk, incoming(range(10, 20)))]) == [Receipt(10, 0)]
    assert ids(workspace)[-10:] == [f"event-{number}" for number in range(10, 20)]


def test_an_event_in_a_batch_that_cannot_be_read_is_no_duplicate(workspace: Workspace) -> None:
    """Else it would be refused for as long as the window reaches."""
    store = Store()
    for first in (0, 5):
        store.store([Submission(workspace.pk, incoming(range(first, first + 5)))])
    with connection.cursor() as sql:
        sql.execute("UPDATE exporter_eventbatch SET payload = substr(payload, 1, 40) WHERE end_event = 5")
    assert store.store([Submission(workspace.pk, incoming([1, 6]))]) == [Receipt(1, 1)]


def test_so_many_are_kept_and_no_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "WINDOW_EVENTS", 200)
    store = Store()
    for first in range(0, 1_000, 50):
        store.store([Submission(workspace.pk, incoming(range(first, first + 50)))])
    window = store._duplicates.window(workspace.pk)
    # What is older goes with the next entry of its bucket.
    assert 200 <= len(window._index) <= 200 * 1.5
    assert store.store([Submission(workspace.pk, incoming([800]))]) == [Receipt(0, 1)]
    assert store.store([Submission(workspace.pk, incoming([799]))]) == [Receipt(1, 0)]


def test_windows_go_only_above_the_bound_the_least_recently_used_first() -> None:
    kept = Duplicates(most=3 * duplicates._WINDOW_COSTS)
    for workspace_id in (1, 2, 3):
        kept.trim([kept.window(workspace_id)])
    assert all(workspace_id in kept for workspace_id in (1, 2, 3))
    kept.window(1)
    kept.trim([kept.window(4)])
    assert [workspace_id in kept for workspace_id in (1, 2, 3, 4)] == [True, False, True, True]


def test_a_window_larger_than_the_bound_is_kept_while_it_is_used() -> None:
    kept = Duplicates(most=1)
    kept.trim([kept.window(1)])
    assert 1 in kept
    kept.trim([kept.window(2)])
    assert (1 in kept, 2 in kept) == (False, True)
