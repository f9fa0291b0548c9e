"""Importing in the browser: in pieces, seen before it begins, each event once whatever dies; nothing half done."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import AuditEntry, Role, Workspace
from exporter.actions import imports
from exporter.intake import appender, importing, uploads
from exporter.log import event_log
from exporter.models import Upload, UploadPiece
from exporter.models.uploads import Stage
from tests.exporter.views.test_attempts import somebody
from tests.support.avro import container, record
from tests.support.factories import WorkspaceFactory, event
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = By(None)


@pytest.fixture
def workspace() -> Workspace:
    made: Workspace = WorkspaceFactory.create()
    return made


def uploaded(workspace: Workspace, content: bytes, name: str = "events.avro", piece: int = 700) -> Upload:
    upload = imports.begin(workspace, name, len(content), NOBODY)
    for at in range(0, len(content), piece):
        upload = imports.add_piece(upload, at, content[at : at + piece])
    return upload


def imported(workspace: Workspace, content: bytes, name: str = "events.avro") -> Upload:
    upload = uploaded(workspace, content, name)
    imports.start(upload, NOBODY)
    while uploads.run(upload.pk):
        pass
    upload.refresh_from_db()
    return upload


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return made.getvalue()


def test_a_file_is_uploaded_looked_at_imported_and_watched(workspace: Workspace) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    base = f"/w/{workspace.slug}/settings/imports/"
    content = container([record(number) for number in range(400)])
    begun = admin.post(f"{base}new/", {"name": "part-1.avro", "size": len(content)}).json()
    half = len(content) // 2
    for at, piece in ((0, content[:half]), (0, content[:half]), (half, content[half:])):
        answer = admin.post(f"{begun['pieces']}?at={at}", piece, content_type="application/octet-stream")
        assert answer.status_code == 200, answer.content
    page = admin.get(begun["page"]).content.decode()
    assert "event-0" in page
    assert "users.messages.email.Open" in page
    assert event_log.head(workspace.pk) == 0, "nothing is imported before somebody says so"
    assert admin.post(f"{begun['page']}start/").status_code == 303
    upload = Upload.objects.get()
    assert uploads.due() == [upload.pk]
    assert not uploads.run(upload.pk)
    page = admin.get(begun["page"]).content.decode()
    assert "400 accepted, 0 duplicates, 0 refused." in page
    assert event_log.head(workspace.pk) == 400
    assert not UploadPiece.objects.exists(), "its bytes are not kept"
    assert "part-1.avro" in admin.get(base).content.decode()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["import.started"]


def test_a_zip_is_imported_file_by_file(workspace: Workspace) -> None:
    done = imported(
        workspace,
        zipped(
            a__one_dot_avro=container([record(1), record(2)], codec="snappy"),
            b__two_dot_json=json.dumps([event(3), event(4)]).encode(),
            c__three_dot_ndjson_dot_gz=gzip.compress(json.dumps(event(5)).encode() + b"\n"),
            broken_dot_avro=b"Obj\x01no",
            README=b"not an event",
        ),
        "files.zip",
    )
    assert (done.accepted, done.stage) == (5, Stage.FAILED)
    assert done.trouble.startswith("broken.avro: Its Avro header is damaged")


def _three(packing: int = zipfile.ZIP_STORED) -> bytearray:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as packed:
        for number, name in enumerate("abc"):
            packed.writestr(f"{name}.json", json.dumps([event(number)] * 50))
    return bytearray(made.getvalue())


def _with_bytes(content: bytearray, before: bytes, at: int, new: bytes) -> bytes:
    """`new` in the place of what stands `at` so many bytes after the first `before`."""
    place = content.index(before) + at
    content[place : place + len(new)] = new
    return bytes(content)


def _far_away() -> bytes:
    """The first member begins, says the list, 2^64 bytes from here."""
    content, place = _three(), struct.pack("<HHQ", 1, 8, 2**64 - 1)
    at, end = content.index(b"PK\1\2"), content.rindex(b"PK\5\6")
    (length,) = struct.unpack_from("<I", content, end + 12)
    struct.pack_into("<I", content, end + 12, length + len(place))
    struct.pack_into("<H", content, at + 30, len(place))
    struct.pack_into("<I", content, at + 42, 2**32 - 1)
    content[at + 46 + len("a.json") : at + 46 + len("a.json")] = place
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        *(_with_bytes(_three(packing), b"a.json", 26, b"Z" * 20) for packing in (0, 8, 12, 14)),
        _with_bytes(_three(), b"PK\1\2", 8, b"\1"),
        _with_bytes(_three(), b"PK\1\2", 10, b"\x63"),
        _with_bytes(_three(), b"PK\1\2", 42, b"\xf0\xff\xff\x7f"),
        _with_bytes(bytearray(_with_bytes(_three(), b"a.json", -23, b"\x08")), b"a.json", 0, b"\xff"),
        _far_away(),
    ],
    ids=["stored", "deflate", "bzip2", "lzma", "locked", "unknown packing", "no such place", "name", "far"],
)
def test_a_bad_member_of_a_zip_costs_that_member(workspace: Workspace, content: bytes) -> None:
    upload = uploaded(workspace, content, "files.zip", piece=5_000)
    page = somebody(workspace, Role.ADMIN).get(f"/w/{workspace.slug}/settings/imports/{upload.pk}/")
    assert page.status_code == 200
    imports.start(upload, NOBODY)
    assert not uploads.run(upload.pk)
    upload.refresh_from_db()
    assert (upload.accepted, upload.duplicates, upload.stage) == (2, 98, Stage.FAILED)
    assert upload.trouble.startswith("a.json: It is damaged or locked")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello", "neither Avro nor JSON"),
        (b"PK\x03\x04 no zip", "zip is damaged"),
        (zipped(README=b"x"), "holds no Avro"),
        (container([record(1)])[:-5], "damaged"),
    ],
)
def test_a_file_that_is_none_is_told_before_and_after(
    workspace: Workspace, content: bytes, sentence: str
) -> None:
    upload = uploaded(workspace, content, "x")
    admin: Client = somebody(workspace, Role.ADMIN)
    page = admin.get(f"/w/{workspace.slug}/settings/imports/{upload.pk}/").content.decode()
    assert sentence in page
    imports.start(upload, NOBODY)
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert (upload.stage, sentence in upload.trouble) == (Stage.FAILED, True)


def test_a_zip_bomb_is_one_sentence(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_UNPACKED", 1_000_000)
    done = imported(workspace, zipped(bomb_dot_json=b" " * 2_000_000), "bomb.zip")
    assert "more than 1000000 bytes" in done.trouble
    assert event_log.head(workspace.pk) == 0


def test_an_import_goes_on_where_it_was_broken_off(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    parts = {
        f"{name}_dot_avro": container([record(n + at) for n in range(30)])
        for at, name in ((0, "a"), (30, "b"))
    }
    upload = uploaded(workspace, zipped(**parts), "files.zip")
    imports.start(upload, NOBODY)
    append_now, calls = appender.append_now, []

    def dies(*args: Any) -> Any:
        calls.append(1)
        if len(calls) in (2, 5):
            raise KeyboardInterrupt
        return append_now(*args)

    with monkeypatch.context() as broken:
        broken.setattr(appender, "append_now", dies)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                uploads.run(upload.pk)
    assert uploads.run(upload.pk, seconds=-1), "it had no time"
    while uploads.run(upload.pk):
        pass
    upload.refresh_from_db()
    assert (upload.accepted, upload.duplicates, upload.stage) == (60, 0, Stage.DONE)
    assert event_log.head(workspace.pk) == 60


def test_a_cancelled_import_stops_and_leaves_what_is_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    upload = uploaded(workspace, container([record(number) for number in range(50)]))
    imports.start(upload, NOBODY)
    append_now, calls = appender.append_now, []

    def cancelled(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            imports.cancel(upload, NOBODY)
        return append_now(*args)

    monkeypatch.setattr(appender, "append_now", cancelled)
    assert not uploads.run(upload.pk)
    upload.refresh_from_db()
    assert (upload.stage, event_log.head(workspace.pk)) == (Stage.CANCELLED, 20)
    assert uploads.due() == []


@pytest.mark.parametrize(
    ("name", "size"), [("x", "0"), ("x", "-1"), ("x", "many"), ("x", str(10**12)), ("x", "")]
)
def test_a_size_no_file_may_have_is_one_sentence(workspace: Workspace, name: str, size: str) -> None:
    admin: Client = somebody(workspace, Role.ADMIN)
    answer = admin.post(f"/w/{workspace.slug}/settings/imports/new/", {"name": name, "size": size})
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(".")
    assert not Upload.objects.exists()


def test_a_name_no_database_takes_is_kept_without_what_it_does_not_take(workspace: Workspace) -> None:
    client = somebody(workspace, Role.ADMIN)
    begin = f"/w/{workspace.slug}/settings/imports/new/"
    assert client.post(begin, {"name": "a\0.json", "size": "10"}).status_code == 201
    assert Upload.objects.get().name.endswith(".json")


def test_pieces_that_do_not_fit_are_refused(workspace: Workspace) -> None:
    upload = imports.begin(workspace, "x", 100, NOBODY)
    for start, piece in ((1, b"a"), (0, b""), (0, b"a" * 101), (-1, b"a")):
        with pytest.raises(imports.ImportRefused):
            imports.add_piece(upload, start, piece)
    with pytest.raises(imports.ImportRefused):
        imports.start(upload, NOBODY)
    assert not UploadPiece.objects.exists()


def test_a_file_nobody_starts_is_forgotten_after_a_day(workspace: Workspace) -> None:
    old, young = uploaded(workspace, b"[]"), uploaded(workspace, b"[]")
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=25))
    uploads.forget()
    assert list(Upload.objects.all()) == [young]
    assert UploadPiece.objects.count() == 1


def test_an_upload_that_is_started_at_the_last_moment_is_not_forgotten(workspace: Workspace) -> None:
    upload = uploaded(workspace, container([record(1)]))
    Upload.objects.update(created_at=timezone.now() - timedelta(hours=25))
    with transaction.atomic():
        imports.start(upload, NOBODY)
        in_future(uploads.forget).result(20)
    uploads.forget()
    assert Upload.objects.get().stage == Stage.RUNNING
