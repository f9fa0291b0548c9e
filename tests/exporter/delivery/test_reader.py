"""What reading the log promises: a hole in it is told, never skipped, wherever the log is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from exporter.delivery import pending, settings_in_force
from exporter.delivery.reader import Reader
from exporter.destinations.packing import Limits
from exporter.log.damage import Damaged
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
