"""Trying rejected and refused events again."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, Max, Min

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Connector, Workspace
from connectors.workspaces.archived import hold_open
from exporter.dispatch import wakeup
from exporter.models import Delivery, DeliveryKind, RefusedRetry, RejectedEvent


class AlreadyRetrying(Exception):
    """A retry of these events is already under way."""


class Nothing(Exception):
    """No event can be retried: none was rejected, or their bytes are no longer kept."""


class _Reach(NamedTuple):
    """The rejected events that can be retried: how many, and the first and last of their numbers."""

    first: int
    last: int
    events: int


def retry_all(connector: Connector, by: By) -> Delivery:
    """Sends again, with the present settings and the same ids, what Segment rejected.

    Raises:
        AlreadyRetrying, Nothing.
    """
    return _retry(connector, by)


def _retry(connector: Connector, by: By, number: int | None = None) -> Delivery:
    """Of all rejected events, or of the one with this number."""
    with transaction.atomic():
        # If two people press at the same time, the second waits here and then sees the first one's retry.
        locked = Connector.objects.select_for_update().get(pk=connector.pk)
        if _unfinished(locked) is not None:
            raise AlreadyRetrying
        reach = _reach(locked, number)
        made = _begin(locked, reach)
        record(
            AuditAction.REJECTED_RETRIED,
            by,
            workspace=locked.workspace,
            target=locked.name,
            after={"events": reach.events},
        )
        transaction.on_commit(lambda: wakeup.wake_deliveries([made.pk]))
    return made


def retry_one(connector: Connector, number: int, by: By) -> Delivery:
    """Sends one rejected event again, with the present settings and the same id.

    Raises:
        AlreadyRetrying, Nothing.
    """
    return _retry(connector, by, number)


def _reach(connector: Connector, number: int | None) -> _Reach:
    """Raises Nothing where no event can be retried."""
    with connection.cursor() as cursor:
        # Nothing below the mark is kept; and while we hold a share of it, it does not move.
        cursor.execute(
            "SELECT first_event FROM exporter_logmark WHERE workspace_id = %s FOR SHARE",
            [connector.workspace_id],
        )
        mark = cursor.fetchone()
    rows = RejectedEvent.objects.filter(connector=connector, event_number__gte=mark[0] if mark else 0)
    rows = rows if number is None else rows.filter(event_number=number)
    found = rows.aggregate(first=Min("event_number"), last=Max("event_number"), events=Count("pk"))
    if not found["events"]:
        raise Nothing
    return _Reach(**found)


def _begin(connector: Connector, reach: _Reach) -> Delivery:
    made = Delivery.objects.create(
        connector=connector,
        workspace_id=connector.workspace_id,
        kind=DeliveryKind.RETRY,
        start=reach.first,
        cursor=reach.first,
        stop=reach.last + 1,
    )
    # By the database's clock, by which the events were refused.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exporter_delivery SET created_at = clock_timestamp() WHERE id = %s", [made.pk])
    return made


def _unfinished(connector: Connector) -> Delivery | None:
    for delivery in connector.deliveries.filter(kind=DeliveryKind.RETRY).order_by("-pk")[:1]:
        if delivery.stop is not None and delivery.cursor < delivery.stop:
            return delivery
    return None


def retry_refused(workspace: Workspace, by: By) -> None:
    """Begins to let what the intake refused go through it again; a task does so, `refused_retry` tells how far it is.

    Raises:
        AlreadyRetrying, Nothing, Archived.
    """
    with transaction.atomic():
        hold_open(workspace)
        if RefusedRetry.objects.filter(workspace=workspace, finished_at=None).exists():
            raise AlreadyRetrying
        rows = RejectedEvent.objects.filter(workspace=workspace, connector=None, cut=False)
        found = rows.aggregate(last=Max("pk"), total=Count("pk"))
        if not found["total"]:
            raise Nothing
        RefusedRetry.objects.filter(workspace=workspace).delete()
        RefusedRetry.objects.create(workspace=workspace, **found)
        record(AuditAction.REFUSED_RETRIED, by, workspace=workspace, after={"events": found["total"]})
        transaction.on_commit(lambda: wakeup.wake_chore("exporter.tasks.retry_refused", workspace.pk))
