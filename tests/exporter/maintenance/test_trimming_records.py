"""Trimming of records, and of workspaces in an odd state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from exporter.maintenance import trimming
from exporter.maintenance.trimming import clean, trim
from exporter.models import (
    Attempt,
    ChoreFault,
    Delivery,
    EventBatch,
    LogMark,
    RefusalCount,
    RejectedEvent,
    UnknownType,
)
from tests.exporter.maintenance.test_trimming import _swept, feed_batches
from tests.support.ageing import after, batches
from tests.support.delivering import a_line
from tests.support.factories import AttemptFactory, RejectedEventFactory
from tests.support.log_lines import lines_of
from tests.support.threads import in_future

__all__ = ["_swept"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_records_go_when_their_time_is_over() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        line.deliver()
        kept = Attempt.objects.get()
        AttemptFactory.create(delivery=line.delivery, at=after(days=-7, minutes=-1))
        of_intake = {"workspace": line.workspace}
        young = RejectedEventFactory.create(at=after(hours=-167), **of_intake)
        RejectedEventFactory.create(at=after(hours=-169), **of_intake)
        of_delivery = {"workspace": line.workspace, "connector": line.connector, "event": b""}
        gone = RejectedEventFactory.create(event_number=0, at=after(days=-89), **of_delivery)
        RejectedEventFactory.create(event_number=1, at=after(days=-91), **of_delivery)
        retained = RejectedEventFactory.create(event_number=3, at=after(days=-91), **of_delivery)
        LogMark.objects.update(first_event=2)
        today = after().date()
        for model, more in ((RefusalCount, {}), (UnknownType, {"event_type": "users.pigeon"})):
            for days in (89, 91):
                model.objects.create(workspace=line.workspace, day=today - timedelta(days=days), **more)
        clean()
        assert list(Attempt.objects.all()) == [kept]
        assert set(RejectedEvent.objects.values_list("pk", flat=True)) == {young.pk, gone.pk, retained.pk}
        for model in (RefusalCount, UnknownType):
            assert list(model.objects.values_list("day", flat=True)) == [today - timedelta(days=89)]
        RejectedEvent.objects.all().delete()
        LogMark.objects.update(first_event=0)


def test_a_cursor_below_the_mark_raises_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    with a_line() as line:
        feed_batches(line, 2)
        LogMark.objects.update(first_event=2)
        trim()
        (line_told,) = lines_of(caplog, "log.events_missing")
        assert (line_told["cursor"], line_told["log_begins_at"]) == (0, 2)
        assert EventBatch.objects.count() == 2
        LogMark.objects.update(first_event=0)


def test_a_finished_retry_keeps_nothing_and_an_unfinished_one_what_it_needs() -> None:
    with a_line() as line:
        feed_batches(line, 2)
        line.deliver()
        retry = Delivery.objects.create(
            connector=line.connector, workspace=line.workspace, kind="retry", start=0, cursor=1, stop=4
        )
        assert trim(after(hours=169)) == 0
        Delivery.objects.filter(pk=retry.pk).update(cursor=4)
        assert trim(after(hours=169)) == 2
        retry.delete()


def test_a_workspace_whose_mark_is_missing_is_left_alone() -> None:
    with a_line() as line, a_line() as other:
        feed_batches(line, 2)
        line.deliver()
        feed_batches(other, 2)
        other.deliver()
        LogMark.objects.filter(pk=line.workspace.pk).delete()
        assert trim(after(hours=169)) == 2
        assert len(batches(line)) == 2
        LogMark.objects.create(workspace=line.workspace, first_event=0)


def test_a_workspace_that_cannot_be_trimmed_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_line() as line, a_line() as other:
        for each in (line, other):
            feed_batches(each, 2)
            each.deliver()
        work = trimming.trim_workspace

        def failing(workspace_id: int, *rest: Any) -> int:
            if workspace_id == line.workspace.pk:
                raise ZeroDivisionError
            return work(workspace_id, *rest)

        monkeypatch.setattr(trimming, "trim_workspace", failing)
        assert trim(after(hours=169)) == 2
        assert (len(batches(line)), len(batches(other))) == (2, 0)
        assert ChoreFault.objects.get().chore == "trim"


def test_what_is_tried_again_just_now_is_left_for_the_next_time() -> None:
    with a_line() as line:
        for _ in range(2):
            RejectedEventFactory.create(workspace=line.workspace, at=after(hours=-169))
        LogMark.objects.get_or_create(workspace=line.workspace)
        with transaction.atomic():
            tried = RejectedEvent.objects.select_for_update().order_by("pk")[0]
            in_future(clean).result(20)
            assert RejectedEvent.objects.get() == tried
        clean()
        assert not RejectedEvent.objects.exists()
