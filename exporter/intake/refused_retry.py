"""Sends refused events through the intake again, a slice per transaction; those that are now accepted leave the list as
they are stored."""

from __future__ import annotations

import time

from django.db.models import Q
from django.db.models.functions import Now

from exporter import sql
from exporter.intake import appender, refusals
from exporter.models import RefusedRetry, RejectedEvent

_SLICE = 500
_HOLD = "30 seconds"
# A run holds a worker's thread no longer than this; the next one continues.
_SECONDS = 10.0


class _TakenOver(Exception):
    """Somebody else works on it by now."""


def due() -> list[int]:
    """Workspaces with a retry nobody works on."""
    waiting = RefusedRetry.objects.filter(Q(held_until=None) | Q(held_until__lt=Now()), finished_at=None)
    return list(waiting.values_list("workspace_id", flat=True))


def run(workspace_id: int, seconds: float = _SECONDS) -> bool:
    """Works on the workspace's retry for so long; whether something is left.

    Must not be called inside a transaction.

    Raises:
        What `appender.append_now` raises; what was done stays done, and the rest is done by the next run.
    """
    if not _take(workspace_id):
        return False
    retry = RefusedRetry.objects.get(workspace_id=workspace_id)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            if not _slice(retry):
                return False
        return True
    except _TakenOver:
        return False
    finally:
        RefusedRetry.objects.filter(workspace_id=workspace_id).update(held_until=None)


def _take(workspace_id: int) -> bool:
    with sql.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_refusedretry SET held_until = clock_timestamp() + %s::interval WHERE workspace_id = %s "
            "AND finished_at IS NULL AND (held_until IS NULL OR held_until < clock_timestamp())",
            [_HOLD, workspace_id],
        )
        return cursor.rowcount == 1


def _slice(retry: RefusedRetry) -> bool:
    """Whether there was one."""
    rows = RejectedEvent.objects.filter(workspace_id=retry.workspace_id, connector=None, cut=False)
    page = list(rows.filter(pk__gt=retry.position, pk__lte=retry.last).order_by("pk")[:_SLICE])
    if not page:
        RefusedRetry.objects.filter(pk=retry.pk).update(finished_at=Now(), held_until=None)
        return False
    good, bad = refusals.sort_out([bytes(row.event) for row in page])
    places = {one.place for one in bad}
    gone = [row.pk for place, row in enumerate(page) if place not in places]
    before, after = retry.position, page[-1].pk

    def move() -> None:
        RejectedEvent.objects.filter(pk__in=gone).delete()
        with sql.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_refusedretry SET position = %s, refused = refused + %s, accepted = accepted + %s, "
                "held_until = clock_timestamp() + %s::interval WHERE workspace_id = %s AND position = %s",
                [after, len(bad), len(good), _HOLD, retry.workspace_id, before],
            )
            if cursor.rowcount != 1:
                raise _TakenOver

    receipt = appender.append_now(retry.workspace_id, good, extra=move)
    if receipt.duplicates:
        # Known only after the transaction; told apart for the reader, no sum depends on it.
        with sql.cursor() as cursor:
            cursor.execute(
                "UPDATE exporter_refusedretry SET accepted = accepted - %s, duplicates = duplicates + %s "
                "WHERE workspace_id = %s",
                [receipt.duplicates, receipt.duplicates, retry.workspace_id],
            )
    retry.position = after
    return True
