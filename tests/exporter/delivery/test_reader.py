"""What reading the log promises: a hole in it is told, never skipped, wherever the log is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from exporter.delivery import pending, reader, settings_in_force
from exporter.delivery.conversion.converter import NotConverted
from exporter.delivery.reader import Reader
from exporter.destinations.packing import Limits
from exporter.log import event_log
from exporter.log.damage import Damaged
from exporter.log.event_log import Header
from exporter.models import EventBatch
from tests.support.delivering import Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


def read(line: Line, first: int) -> object:
    revision, plan = settings_in_force.rules(line.connector.pk)
    return Reader(line.workspace.pk, plan, revision).make(first, None, Limits())


def look_for_the_oldest(line: Line, first: int) -> object:
    _revision, plan = settings_in_force.rules(line.connector.pk)
    later = timezone.now() + timedelta(hours=1)
    return pending.oldest_deliverable(line.workspace.pk, first, [], plan, later)


@pytest.mark.parametrize("look", [read, look_for_the_oldest])
def test_a_hole_at_the_cursor_is_told(look: Callable[[Line, int], object]) -> None:
    with a_line() as line:
        for _ in range(3):
            line.feed(2)
        first = line.delivery.cursor
        line.deliver()
        batch = EventBatch.objects.filter(workspace=line.workspace).earliest("first_event")
        EventBatch.objects.filter(pk=batch.pk).delete()
        with pytest.raises(Damaged, match=f"events {first} to {first + 1} are no longer in the log"):
            look(line, first)
        assert look(line, first + 2) is not None
        batch.save(force_insert=True)


def test_a_backlog_is_asked_for_what_follows_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bodies are made of its last batches."""
    asked: list[int] = []
    headers = event_log.headers

    def counted(workspace_id: int, number: int, limit: int) -> list[Header]:
        asked.append(number)
        return headers(workspace_id, number, limit)

    monkeypatch.setattr(event_log, "headers", counted)
    monkeypatch.setattr(reader, "MUCH", 1)
    monkeypatch.setattr(reader, "converter", lambda: _Late())
    with a_line() as line:
        for _ in range(2):
            line.feed(6)
        revision, plan = settings_in_force.rules(line.connector.pk)
        made = Reader(line.workspace.pk, plan, revision, helped=True)
        asked.clear()
        for first in range(11):
            assert len(made.make(first, None, Limits(events=1)).calls) == 1
        assert asked == [0, 12]
        line.deliver()


class _Late:
    """A converter that has converted nothing when it is asked for it."""

    def submit(self, _payload: bytes, _plan: object) -> _Late:
        return self

    def result(self, _seconds: float) -> list[object]:
        raise NotConverted
