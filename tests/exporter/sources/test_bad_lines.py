"""A bucket that answers 503 and 403, cuts bodies and sends a page twice costs no event and doubles none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exporter.actions import sources
from exporter.log import event_log
from exporter.models import Source
from exporter.models.sources import Taken
from exporter.sources.following import FollowTurn
from tests.exporter.sources.test_following import NOBODY, again, placed, some
from tests.support.bad_line import BadLine, a_bad_line, cutting, refusing, repeating
from tests.support.buckets import Bucket, a_server
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)
OBJECTS, EACH = 4, 50


@pytest.fixture
def line() -> Iterator[BadLine]:
    with a_server() as url, a_bad_line(url) as made:
        yield made


def test_every_event_comes_once_whatever_the_line_does(line: BadLine, settings: object) -> None:
    bucket = Bucket(line.upstream, "bad-line")
    for number in range(OBJECTS):
        bucket.put(placed(f"part-{number}"), some(number * EACH, EACH, codec="null"))
    settings.CURRENTS_SOURCE_ENDPOINTS = [line.url]  # type: ignore[attr-defined]
    wish = bucket.wish()
    source = sources.add(
        WorkspaceFactory.create(), replace(wish, options={**wish.options, "endpoint": line.url}), NOBODY
    )
    line.faults = [refusing(403), *[refusing(503)] * 3, repeating, cutting("part-1"), cutting("part-2")]
    told = set()
    for _look in range(12):
        turn = again(source)
        source = Source.objects.get()
        told.add(source.trouble)
        if turn is FollowTurn.IDLE and not line.faults:
            break
    assert not line.faults, "every fault happened"
    assert any("forbidden" in sentence for sentence in told)
    assert (source.trouble, source.accepted, source.duplicates) == ("", OBJECTS * EACH, 0)
    assert event_log.head(source.workspace_id) == OBJECTS * EACH
    assert source.entries.filter(state=Taken.DONE).count() == source.entries.count() == OBJECTS
