"""What following promises: every object once, whatever dies in the middle; what is damaged is set aside and told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import AuditEntry, Workspace
from connectors.vault import resealing
from exporter.actions import sources
from exporter.intake import appender, importing
from exporter.log import event_log
from exporter.models import Source
from exporter.models.sources import Begin, Taken
from exporter.sources import following
from exporter.sources.address import BadAddress, parse
from exporter.sources.following import FollowTurn, follow
from exporter.sources.store import Store, Trouble
from tests.support.avro import container, record
from tests.support.buckets import KEY, KEY_ID, Bucket, a_server, locked
from tests.support.factories import WorkspaceFactory
from tests.support.object_listing import hour_folder
from tests.support.raw_server import raw_server

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = By(None)
LAYOUT = "dataexport/prod/S3/integration.1/event_type={type}/{hour}/398/{name}.avro"
OPEN, UNHEARD = "users.messages.email.Open", "users.behaviors.Unheard"
numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with a_server() as url:
        yield url


@pytest.fixture
def bucket(server: str) -> Bucket:
    return Bucket(server, f"currents-{next(numbers)}")


@pytest.fixture
def workspace() -> Workspace:
    made: Workspace = WorkspaceFactory.create()
    return made


def placed(name: str, event_type: str = OPEN, hours: int = 0) -> str:
    return LAYOUT.format(type=event_type, hour=hour_folder(hours), name=name)


def some(start: int, many: int = 3, codec: str = "deflate") -> bytes:
    return container([record(number) for number in range(start, start + many)], codec=codec)


def states(source: Source) -> dict[str, int]:
    return {state: source.entries.filter(state=state).count() for state in Taken.values}


def again(source: Source) -> FollowTurn:
    """The next look, as if its time had come."""
    Source.objects.filter(pk=source.pk).update(next_look_at=None)
    return follow(source.pk)


def test_brazes_layout_with_everything_that_happens_in_it(workspace: Workspace, bucket: Bucket) -> None:
    bucket.put(placed("part-1"), some(0))
    bucket.put(placed("part-2", UNHEARD), some(10, codec="snappy"))
    bucket.put(placed("empty"), b"")
    bucket.put(placed("damaged"), some(20, 200)[:-300])
    bucket.put(placed("_SUCCESS").removesuffix(".avro"), b"")
    source = sources.add(workspace, bucket.wish(), NOBODY)
    assert follow(source.pk) is FollowTurn.IDLE
    assert states(source) == {"waiting": 0, "done": 2, "set_aside": 2}
    before = event_log.head(workspace.pk)
    assert 6 < before < 206
    bucket.put(placed("late", hours=30), some(1_000))
    bucket.put(placed("part-1"), some(0))
    bucket.put(placed("new-type", "users.behaviors.New"), some(2_000))
    assert again(source) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == before + 6, "late and new ones, and nothing twice"
    source.refresh_from_db()
    assert source.objects_taken == 5, "the one that was written anew is another one"
    told = dict(source.entries.filter(state=Taken.SET_ASIDE).values_list("name", "trouble"))
    assert "damaged" in told[placed("damaged")]
    assert "empty" in told[placed("empty")]
    assert sources.retry(source, NOBODY) == 2
    again(source)
    assert event_log.head(workspace.pk) == before + 6
    assert states(source)["set_aside"] == 2


def test_a_look_asks_only_where_new_objects_can_be(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        bucket.put(placed(f"old-{number}", hours=100), some(number * 10))
    source = sources.add(workspace, bucket.wish(), NOBODY)
    follow(source.pk)
    asked: list[str] = []
    objects = Store.objects

    def noted(self: Store, prefix: str, after: str | None = None) -> Any:
        for page in objects(self, prefix, after):
            asked.extend(one["path"] for one in page)
            yield page

    monkeypatch.setattr(Store, "objects", noted)
    bucket.put(placed("new"), some(100))
    again(source)
    assert asked == [placed("new")]
    assert event_log.head(workspace.pk) == 18


def test_an_object_goes_on_where_it_was_broken_off(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    bucket.put(placed("long"), some(0, 100))
    source = sources.add(workspace, bucket.wish(), NOBODY)
    append_now = appender.append_now
    for at in (1, 2, 3):
        calls: list[int] = []

        def dies(*args: Any, calls: list[int] = calls, at: int = at) -> Any:
            calls.append(1)
            if len(calls) > at:
                raise KeyboardInterrupt
            return append_now(*args)

        with monkeypatch.context() as broken:
            broken.setattr(appender, "append_now", dies)
            with pytest.raises(KeyboardInterrupt):
                again(source)
    assert event_log.head(workspace.pk) == source.entries.get().position == 60
    assert again(source) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == 100
    assert source.entries.get().state == Taken.DONE


def test_two_workers_do_not_work_on_one_source(workspace: Workspace, bucket: Bucket) -> None:
    source = sources.add(workspace, bucket.wish(), NOBODY)
    assert following._take(source.pk)
    assert follow(source.pk) is FollowTurn.HELD
    Source.objects.update(held_until=timezone.now() - timedelta(seconds=1))
    assert follow(source.pk) is FollowTurn.IDLE


def test_what_is_wrong_with_a_bucket_is_told_in_words(bucket: Bucket) -> None:
    bucket.put("a/b.avro", some(0))
    good = bucket.wish()
    with pytest.raises(Trouble, match="look at the prefix"):
        sources.check(bucket.wish("nothing/here"))
    with pytest.raises(Trouble, match="no such bucket"):
        sources.check(sources.Wish("s3://no-such-bucket", Begin.BEGINNING, None, good.options, good.secrets))
    assert sources.check(good) == ["a/b.avro"]
    with locked(bucket) as (key_id, key):
        for wrong_id, wrong in ((key_id, KEY), (KEY_ID, key)):
            with pytest.raises(Trouble, match="key is not accepted"):
                sources.check(bucket.wish(access_key_id=wrong_id, secret_access_key=wrong))
        assert sources.check(bucket.wish(access_key_id=key_id, secret_access_key=key)) == ["a/b.avro"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(b"301 Moved Permanently", b"PermanentRedirect"), (b"400 Bad Request", b"AuthorizationHeaderMalformed")],
)
def test_a_bucket_of_another_region_asks_for_its_region(settings: Any, status: bytes, code: bytes) -> None:
    said = b"<Error><Code>%b</Code><Region>eu-central-1</Region></Error>" % code
    answer = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(said), said)
    with raw_server(*[answer] * 3) as server:
        endpoint = f"http://127.0.0.1:{server.port}"
        settings.CURRENTS_SOURCE_ENDPOINTS = [endpoint]
        secrets = {"access_key_id": KEY_ID, "secret_access_key": KEY}
        wish = sources.Wish("s3://exports", Begin.BEGINNING, None, {"endpoint": endpoint}, secrets)
        with pytest.raises(Trouble, match="in another region"):
            sources.check(wish)


def test_a_store_that_does_not_answer_is_told_and_asked_again_later(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(placed("part-1"), some(0))
    source = sources.add(workspace, bucket.wish(), NOBODY)

    def refuse(self: Store, *_: Any) -> Any:
        raise Trouble("Access is forbidden.")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "objects", refuse)
        assert follow(source.pk) is FollowTurn.FAILED
        source.refresh_from_db()
        assert (source.trouble, source.failures) == ("Access is forbidden.", 1)
        assert source.failing_since is not None
        assert following.due() == []
        again(source)
        source.refresh_from_db()
        assert source.failures == 2
    assert again(source) is FollowTurn.IDLE
    healed = Source.objects.get()
    assert (healed.trouble, healed.failures, healed.failing_since) == ("", 0, None)
    assert event_log.head(workspace.pk) == 3


def test_an_object_that_breaks_off_on_the_way_is_read_again_and_not_set_aside(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(placed("part-1"), some(0, 300))
    source = sources.add(workspace, bucket.wish(), NOBODY)
    open_whole = Store.open

    def cut(self: Store, name: str, etag: str, size: int) -> Any:
        return open_whole(self, name, etag, size + 10)

    with monkeypatch.context() as broken:
        broken.setattr(Store, "open", cut)
        assert follow(source.pk) is FollowTurn.FAILED
    assert states(source)["set_aside"] == 0
    assert again(source) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == Source.objects.get().accepted == 300


def test_only_what_comes_from_now_on_or_since_a_day_is_taken(workspace: Workspace, bucket: Bucket) -> None:
    bucket.put(placed("old", hours=72), some(0))
    bucket.put(placed("young", hours=1), some(10))
    day = (datetime.now(UTC) - timedelta(hours=24)).replace(hour=0, minute=0)
    wish = bucket.wish()
    since = sources.Wish(wish.url, Begin.DAY, day, wish.options, wish.secrets)
    follow(sources.add(workspace, since, NOBODY).pk)
    assert event_log.head(workspace.pk) == 3
    other = WorkspaceFactory.create()
    now = sources.add(other, bucket.wish(begin=Begin.NOW), NOBODY)
    Source.objects.filter(pk=now.pk).update(since=timezone.now() + timedelta(seconds=5))
    follow(now.pk)
    assert event_log.head(other.pk) == 0


def test_a_folder_is_followed_and_nothing_outside_it(
    workspace: Workspace, tmp_path: Path, settings: Any
) -> None:
    inside, outside = tmp_path / "data", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (outside / "x.avro").write_bytes(some(900))
    (inside / "a.avro").write_bytes(some(0))
    os.symlink(outside / "x.avro", inside / "link.avro")
    wish = sources.Wish(f"file://{inside}", Begin.BEGINNING)
    with pytest.raises(BadAddress, match="CURRENTS_SOURCE_FOLDERS"):
        sources.add(workspace, wish, NOBODY)
    settings.CURRENTS_SOURCE_FOLDERS = [str(inside)]
    with pytest.raises(BadAddress):
        parse(f"file://{inside}/../secret")
    source = sources.add(workspace, wish, NOBODY)
    follow(source.pk)
    assert event_log.head(workspace.pk) == 3
    (inside / "b.ndjson").write_bytes(b'{"event_type":"t","id":"1","time":1}\n')
    again(source)
    assert event_log.head(workspace.pk) == 4


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "http://bucket",
        "s3://a b/c",
        "s3://user@bucket",
        "s3://bucket?x=1",
        "file://host/x",
        "",
        "s3://[",
    ],
)
def test_what_is_no_address_of_a_source_is_one_sentence(workspace: Workspace, url: str) -> None:
    with pytest.raises(BadAddress) as told:
        sources.add(workspace, sources.Wish(url), NOBODY)
    assert str(told.value).endswith(".")
    assert not Source.objects.exists()


def test_credentials_are_sealed_moved_to_new_keys_and_nowhere_in_clear(
    workspace: Workspace, bucket: Bucket, settings: Any
) -> None:
    source = sources.add(workspace, bucket.wish(), NOBODY)
    before = bytes(source.credentials)
    assert KEY.encode() not in before
    settings.WRITE_KEY_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.WRITE_KEY_ENCRYPTION_KEYS]
    resealing.reseal_everything()
    source.refresh_from_db()
    assert bytes(source.credentials) != before
    settings.WRITE_KEY_ENCRYPTION_KEYS = settings.WRITE_KEY_ENCRYPTION_KEYS[:1]
    assert follow(source.pk) is FollowTurn.IDLE
    assert KEY not in str([(one.before, one.after, one.target) for one in AuditEntry.objects.all()])
