"""A page that refreshes itself asks whether anything is new before it does the work of showing it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Role, Workspace
from exporter.actions import replays
from exporter.actions.replay_preview import Wanted
from exporter.models import Upload
from exporter.models.uploads import Stage
from tests.exporter.views.test_attempts import base, somebody
from tests.exporter.views.test_imports import uploaded
from tests.support.avro import container, record
from tests.support.delivering import a_line
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def poll(client: Client, path: str, stamp: str) -> tuple[int, list[str]]:
    """The status, and the statements it took."""
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path, {"stamp": stamp}, headers={"HX-Request": "true"})
    return answer.status_code, [str(one["sql"]) for one in asked.captured_queries]


def stamp_of(client: Client, path: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def about(table: str, statements: list[str]) -> int:
    return sum(f'FROM "{table}"' in one for one in statements)


def test_an_import_reads_no_file_and_lists_no_connector() -> None:
    workspace: Workspace = WorkspaceFactory.create()
    upload = uploaded(workspace, container([record(number) for number in range(20)]))
    client, path = somebody(workspace, Role.ADMIN), f"/w/{workspace.slug}/settings/imports/{upload.pk}/"
    status, statements = poll(client, path, stamp_of(client, path))
    assert status == 204
    assert about("exporter_uploadpiece", statements) == 0
    assert about("connectors_connector", statements) == 0


def test_a_replay_asks_once_for_its_file_and_for_no_attempt() -> None:
    with a_line() as line:
        line.feed(3)
        line.deliver()
        since = timezone.now() - timedelta(hours=1)
        wanted = Wanted(since, timezone.now(), [], ["delivered"], same_ids=True, rate=None)
        replay = replays.begin(line.connector, wanted, By(None))
        Upload.objects.create(workspace=line.workspace, name="a.avro", size=1, replay=replay)
        client, path = somebody(line.workspace, Role.VIEWER), f"{base(line)}replays/{replay.pk}/"
        stamp = stamp_of(client, path)
        status, statements = poll(client, path, stamp)
        assert status == 204
        assert about("exporter_upload", statements) == 1
        status, statements = poll(client, path, "old")
        assert status == 200
        assert about("exporter_upload", statements) == 1
        assert about("exporter_attempt", statements) == 0
        Upload.objects.update(stage=Stage.RUNNING)
        assert poll(client, path, stamp)[0] == 200, "what the page says of the file is news"
