"""Sources in the browser: added with a check before, watched, mended, removed; keys are never shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from connectors.models import Role, User, Workspace
from exporter import sql
from exporter.log import event_log
from exporter.models import Source
from exporter.sources.following import follow
from tests.exporter.views.test_attempts import somebody
from tests.support.avro import container, record
from tests.support.buckets import KEY, KEY_ID, Bucket, a_server
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_server() as url:
        made = Bucket(url, "exports")
        made.put("currents/a.avro", container([record(1), record(2)]))
        made.put("currents/b.avro", container([record(3)] * 100)[:-40])
        yield made


@pytest.fixture
def workspace() -> Workspace:
    made: Workspace = WorkspaceFactory.create()
    return made


def typed(bucket: Bucket, **changes: str) -> dict[str, str]:
    return {
        "url": f"s3://{bucket.name}/currents",
        "begin": "beginning",
        "endpoint": bucket.url,
        "region": "us-east-1",
        "access_key_id": KEY_ID,
        "secret_access_key": KEY,
    } | changes


def test_a_bucket_is_checked_added_followed_and_removed(workspace: Workspace, bucket: Bucket) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    base = f"/w/{workspace.slug}/settings/sources/"
    checked = admin.post(f"{base}new/", typed(bucket, check="1"))
    assert checked.status_code == 200
    assert "currents/a.avro" in checked.content.decode()
    assert KEY not in checked.content.decode()
    assert not Source.objects.exists()
    added = admin.post(f"{base}new/", typed(bucket))
    source = Source.objects.get()
    assert (added.status_code, added["Location"]) == (303, f"{base}{source.pk}/")
    follow(source.pk)
    assert event_log.head(workspace.pk) >= 2
    page = admin.get(f"{base}{source.pk}/").content.decode()
    assert "currents/b.avro" in page
    assert "damaged" in page
    assert KEY not in page
    assert "Following" in admin.get(base).content.decode()
    for act, word in (("pause", "Paused"), ("resume", "Resumed"), ("retry", "1 object is tried again")):
        assert word in admin.post(f"{base}{source.pk}/{act}/", follow=True).content.decode()
    assert "is read once more" in admin.get(f"{base}{source.pk}/remove/").content.decode()
    assert Source.objects.exists(), "a question removes nothing"
    assert admin.post(f"{base}{source.pk}/remove/").status_code == 303
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "s3://no-such-bucket", "check": "1"}, "no such bucket"),
        ({"url": "s3://exports/nothing", "check": "1"}, "look at the prefix"),
        ({"url": "ftp://exports"}, "begins with s3://"),
        ({"url": "file:///etc"}, "CURRENTS_SOURCE_FOLDERS"),
        ({"access_key_id": "", "secret_access_key": ""}, "Enter the key of an account"),
        ({"begin": "day"}, "Choose the day."),
        ({"endpoint": "nowhere"}, "valid URL"),
    ],
)
def test_what_cannot_be_followed_is_one_sentence_and_nothing_begins(
    workspace: Workspace, bucket: Bucket, changes: dict[str, str], sentence: str
) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    answer = admin.post(f"/w/{workspace.slug}/settings/sources/new/", typed(bucket, **changes))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert KEY not in answer.content.decode()
    assert not Source.objects.exists()


def test_only_who_looks_after_the_installation_lends_the_servers_own_rights(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    path = f"/w/{workspace.slug}/settings/sources/new/"
    bare = typed(bucket, access_key_id="", secret_access_key="")
    assert admin.post(path, bare).status_code == 422
    User.objects.update(is_owner=True)
    assert admin.post(path, bare).status_code == 303


def test_a_source_of_another_workspace_is_not_there(workspace: Workspace, bucket: Bucket) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    other: Any = WorkspaceFactory.create()
    theirs = Source.objects.create(workspace=other, url="s3://theirs", begin="now")
    assert admin.get(f"/w/{workspace.slug}/settings/sources/{theirs.pk}/").status_code == 404
    assert admin.post(f"/w/{workspace.slug}/settings/sources/{theirs.pk}/remove/").status_code == 404
    assert Source.objects.filter(pk=theirs.pk).exists()


def test_a_key_that_is_refused_is_changed_and_the_bucket_followed(
    workspace: Workspace, bucket: Bucket, settings: Any
) -> None:
    settings.CURRENTS_SOURCE_ENDPOINTS = [bucket.url, "http://127.0.0.1:1"]
    admin: Client = somebody(workspace, Role.ADMIN)
    base = f"/w/{workspace.slug}/settings/sources/"
    admin.post(f"{base}new/", typed(bucket, endpoint="http://127.0.0.1:1"))
    source = Source.objects.get()
    follow(source.pk)
    assert "Failing" in admin.get(f"{base}{source.pk}/").content.decode()
    page = f"{base}{source.pk}/credentials/"
    form = admin.get(page).content.decode()
    assert "http://127.0.0.1:1" in form
    assert KEY not in form
    assert "service_account_key" not in form, "only fields of its kind are asked for"
    keys = {
        name: typed(bucket)[name] for name in ("endpoint", "region", "access_key_id", "secret_access_key")
    }
    refused = admin.post(page, keys | {"access_key_id": "", "secret_access_key": ""})
    assert (refused.status_code, "Enter the key of an account" in refused.content.decode()) == (422, True)
    wrong = admin.post(page, keys | {"endpoint": "http://127.0.0.1:1", "check": "1"})
    assert wrong.status_code == 422
    elsewhere = admin.post(page, keys | {"endpoint": "http://127.0.0.1:2"})
    assert (elsewhere.status_code, Source.objects.get().options["endpoint"]) == (422, "http://127.0.0.1:1")
    checked = admin.post(page, keys | {"check": "1"})
    assert "currents/a.avro" in checked.content.decode()
    assert admin.post(page, keys).status_code == 303
    follow(source.pk)
    assert event_log.head(workspace.pk) >= 2
    assert "Failing" not in admin.get(f"{base}{source.pk}/").content.decode()
    assert somebody(workspace, Role.MARKETER).get(page).status_code == 403


def test_a_failing_source_that_is_paused_promises_no_try(workspace: Workspace, bucket: Bucket) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    base = f"/w/{workspace.slug}/settings/sources/"
    admin.post(f"{base}new/", typed(bucket))
    Source.objects.update(trouble="forbidden", failing_since=sql.clock())
    path = f"{base}{Source.objects.get().pk}/"
    assert "it is retried automatically" in admin.get(path).content.decode()
    paused = " ".join(admin.post(f"{path}pause/", follow=True).content.decode().split())
    assert "it is retried automatically" not in paused
    assert "nothing is tried before it is resumed" in paused
