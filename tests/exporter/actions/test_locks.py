"""A change of settings and the delivery of events go on beside each other: neither waits for the other in a ring."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.db.models import F

from connectors.models import Workspace
from connectors.setup import lifecycle
from connectors.workspaces.archived import hold_open
from exporter import sql
from exporter.actions import replays, try_now
from exporter.delivery import recovery
from exporter.incidents import detect, mail
from exporter.models import Attempt, Delivery, Incident, Notice, RejectedEvent, Replay, ReplayState
from tests.support.ageing import wait_for_a_blocked_statement
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import DeliveryFactory, IncidentFactory, event
from tests.support.threads import in_future, in_thread

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


def test_whoever_tries_now_waits_for_a_recovery_and_holds_nothing_it_needs() -> None:
    """A retry that recovers an event locks the live delivery, then its own."""
    with a_line() as line:
        retry = DeliveryFactory.create(connector=line.connector, kind="retry", stop=0)
        write_anew(line.delivery)
        with transaction.atomic():
            sql.execute(*recovery.statement(retry.pk, line.connector.pk, [(0, datetime.now(UTC))]))
            tried = in_future(lambda: try_now.try_now(line.connector, NOBODY))
            wait_for_a_blocked_statement()
            Delivery.objects.filter(pk=retry.pk).update(settles=F("settles") + 1)
        tried.result(20)


def write_anew(delivery: Delivery) -> None:
    """So that it stands behind all others in the table and in its indexes, as a row does that changes all the time."""
    for kind in ("test", "live"):
        Delivery.objects.filter(pk=delivery.pk).update(kind=kind)


def test_a_deletion_waits_for_a_mail_that_is_claimed_and_holds_nothing_it_needs() -> None:
    with a_line() as line:
        incident = IncidentFactory.create(connector=line.connector)
        Notice.objects.create(incident=incident, step="stopped")
        with transaction.atomic():
            # As each claim does: first the incident, then its notices.
            list(Incident.objects.select_for_update(no_key=True).filter(pk=incident.pk))
            deleted = in_future(lambda: lifecycle.delete(line.connector, by=NOBODY))
            wait_for_a_blocked_statement()
            Notice.objects.update(tries=1)
        deleted.result(20)
        assert not Incident.objects.exists()


def test_a_connector_that_is_just_deleted_is_given_no_incident() -> None:
    with a_line() as line:
        lifecycle.pause(line.connector, by=NOBODY)
        with transaction.atomic():
            lifecycle.delete(line.connector, by=NOBODY)
            in_future(detect.look).result(20)
        assert not Incident.objects.exists()


def test_a_deletion_waits_for_no_row_of_the_history() -> None:
    """It may be millions of rows, and others have some of them locked at any time."""
    with a_line() as line:
        line.feed(3)
        line.deliver()
        with transaction.atomic():
            list(Attempt.objects.select_for_update())
            in_future(lambda: lifecycle.delete(line.connector, by=NOBODY)).result(20)
        assert not Delivery.objects.exists()


def test_no_replay_begins_while_another_is_paused() -> None:
    with a_line() as line:
        first, second = (waiting_replay(line) for _ in range(2))
        with transaction.atomic():
            replays.pause(first, NOBODY)
            # With the same answer whether it comes before or after this change: it is asked again in seconds.
            in_future(replays.advance).result(20)
        second.refresh_from_db()
        assert (first.state, second.state) == (ReplayState.PAUSED, ReplayState.WAITING)
        replays.cancel(first, NOBODY)
        second.refresh_from_db()
        assert second.state == ReplayState.RUNNING


def waiting_replay(line: Line) -> Replay:
    now = datetime.now(UTC)
    return Replay.objects.create(
        connector=line.connector,
        delivery=DeliveryFactory.create(connector=line.connector, kind="replay", stop=0),
        since=now,
        until=now,
        outcomes=["expired"],
        events=0,
        created_at=now,
    )


def test_what_became_of_a_mail_is_noted_after_the_post_of_the_same_notices_is_claimed() -> None:
    with a_line() as line:
        incident = IncidentFactory.create(connector=line.connector)
        for step in ("stopped", "half_time"):
            Notice.objects.create(incident=incident, step=step)
        claimed = mail.claim()
        assert claimed is not None
        with transaction.atomic():
            list(Incident.objects.select_for_update(no_key=True).filter(pk=incident.pk))
            noted = in_future(claimed.sent)
            wait_for_a_blocked_statement()
            for notice in Notice.objects.order_by("-pk"):
                Notice.objects.filter(pk=notice.pk).update(post_tries=1)
        noted.result(20)
        assert Notice.objects.filter(sent_at__isnull=False, post_tries=1).count() == 2
