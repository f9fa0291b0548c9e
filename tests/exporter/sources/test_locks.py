"""A source is removed while it is read: neither fails, and nothing of it is left."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from exporter.actions import sources
from exporter.intake.importing import Overtaken
from exporter.models import Source, SourceObject
from exporter.models.sources import Taken
from exporter.sources import following
from exporter.sources import store as stores
from exporter.sources.following import FollowTurn, follow
from exporter.sources.listing import FoundObject
from exporter.sources.store import Trouble
from tests.exporter.sources.test_following import NOBODY
from tests.support.ageing import wait_for_a_blocked_statement
from tests.support.factories import WorkspaceFactory
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source() -> Source:
    made: Source = Source.objects.create(
        workspace=WorkspaceFactory.create(), url="s3://exports/currents", begin="now"
    )
    return made


def found(name: str) -> FoundObject:
    return FoundObject(name, "etag", 1, datetime.now(UTC))


def test_what_is_found_while_a_source_is_removed_does_not_keep_it(source: Source) -> None:
    following._remember(source, [found("a.avro")])
    looks: list[Future[Any]] = []

    def look_before_the_last_statement(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith('DELETE FROM "exporter_source" '):
            looks.append(in_future(lambda: following._remember(source, [found("b.avro")])))
            wait_for_a_blocked_statement()
        return execute(sql, *more)

    with connection.execute_wrapper(look_before_the_last_statement):
        sources.remove(source, NOBODY)
    with pytest.raises(Overtaken):
        looks[0].result(20)
    assert not Source.objects.exists()
    assert not SourceObject.objects.exists()


def test_whoever_takes_an_object_and_whoever_removes_the_source_never_wait_crosswise(source: Source) -> None:
    following._remember(source, [found("a.avro")])
    with transaction.atomic():
        # As taking does, in the transaction that appends.
        following._take_on(source)
        removed = in_future(lambda: sources.remove(source, NOBODY))
        wait_for_a_blocked_statement()
        SourceObject.objects.filter(state=Taken.WAITING).update(position=1)
    removed.result(20)
    assert not Source.objects.exists()


def test_a_source_of_many_objects_is_removed_in_slices(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_FORGOTTEN_AT_ONCE", 2)
    following._remember(source, [found(f"{number}.avro") for number in range(5)])
    sources.remove(source, NOBODY)
    assert not SourceObject.objects.exists()


def test_a_turn_at_a_source_that_is_being_removed_holds_no_worker(source: Source) -> None:
    with transaction.atomic():
        sources.remove(source, NOBODY)
        assert in_future(lambda: follow(source.pk)).result(20) is FollowTurn.HELD
    assert follow(source.pk) is FollowTurn.HELD


def test_trouble_with_former_credentials_does_not_hold_up_the_new_ones(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    Source.objects.update(failures=9)

    def locked_out(_source: Source) -> None:
        secrets = {"access_key_id": "another", "secret_access_key": "a-secret-of-nobody"}
        sources.change_credentials(source, secrets, {"region": "eu-central-1"}, NOBODY)
        raise Trouble("The key may not read this bucket.")

    monkeypatch.setattr(stores, "of", locked_out)
    assert follow(source.pk) is FollowTurn.FAILED
    source.refresh_from_db()
    assert (source.trouble, source.failures, source.next_look_at) == ("", 9, None)
    assert following.due() == [source.pk]
