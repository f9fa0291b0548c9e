"""What a deleted connector leaves behind is cleared, and nobody else loses a row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import models, transaction

from connectors.models import Connector
from connectors.setup import lifecycle
from exporter.maintenance import deleted_history
from exporter.models import Delivery, RecoveredEvent, RejectedEvent
from exporter.models.counts import DeliveryStart
from exporter.tasks import clean
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import event
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)


def history() -> dict[str, list[models.Field[object, object]]]:
    """The tables whose rows a deletion leaves behind, with the columns that lead to what is gone."""
    found: dict[str, list[models.Field[object, object]]] = {}
    for model in apps.get_app_config("exporter").get_models():
        for field in model._meta.local_fields:
            rule = getattr(field.remote_field, "on_delete", None)
            if rule is models.DO_NOTHING and field.related_model in (Delivery, Connector):
                found.setdefault(model._meta.label, []).append(field)
    return found


def rows() -> dict[str, int]:
    return {label: apps.get_model(label)._default_manager.count() for label in history()}


def a_history(line: Line) -> None:
    """A row at least in each table."""
    line.feed_events([event(1), event(2), event(3)])
    line.sandbox.fail(status=400, match={"message_id": "event-1"})
    line.deliver()
    DeliveryStart.objects.create(delivery=line.delivery, event_type="other", count=0)
    RecoveredEvent.objects.create(connector=line.connector, delivery=line.delivery, event_number=2**40)


def test_what_a_deleted_connector_leaves_is_cleared_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleted_history, "SLICE", 2)
    with a_line() as line, a_line() as other:
        a_history(other)
        before = rows()
        a_history(line)
        assert min(rows()[label] - before[label] for label in before) > 0, "each table has something to lose"
        lifecycle.delete(line.connector, by=NOBODY)
        clean()
        assert rows() == before
        assert deleted_history.clear() == 0
        RecoveredEvent.objects.all().delete()


def test_what_the_intake_refused_belongs_to_no_connector_and_stays() -> None:
    with a_line() as line:
        RejectedEvent.objects.create(
            workspace=line.workspace, reason="not an object", event=b"1", id_hash=b"1", at=datetime.now(UTC)
        )
        lifecycle.delete(line.connector, by=NOBODY)
        assert deleted_history.clear() == 0
        assert RejectedEvent.objects.count() == 1


def test_what_somebody_has_locked_is_left_for_the_next_time() -> None:
    with a_line() as line:
        a_history(line)
        lifecycle.delete(line.connector, by=NOBODY)
        with transaction.atomic():
            (kept,) = RejectedEvent.objects.select_for_update()
            assert in_future(deleted_history.clear).result(20) > 0
        assert RejectedEvent.objects.get() == kept
        assert deleted_history.clear() == 1


def test_every_table_that_a_deletion_leaves_is_cleared() -> None:
    cleared = {f"exporter_{table}" for tables in deleted_history._TABLES.values() for table in tables}
    assert {apps.get_model(label)._meta.db_table for label in history()} == cleared
