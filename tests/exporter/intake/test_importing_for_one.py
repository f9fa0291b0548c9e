"""What is imported for one connector reaches that one alone, each event once, with a ledger of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.urls import reverse

from connectors.audit import record as audit
from connectors.models import Connector, Role
from connectors.setup import lifecycle
from exporter.actions import imports, replays
from exporter.delivery.deliver import deliver
from exporter.intake import importing, uploads
from exporter.ledger import check
from exporter.log import event_log, imported_batches
from exporter.maintenance import trimming
from exporter.models import Delivery, ImportedBatch, ReceivedTotal, Replay, ReplayState, Upload, UploadPiece
from exporter.models.uploads import Stage
from exporter.reports import attempts
from tests.exporter.delivery.test_replay import run
from tests.exporter.views.test_attempts import somebody
from tests.exporter.views.test_imports import NOBODY, uploaded
from tests.support.ageing import after, signed, wait_for_a_blocked_statement
from tests.support.avro import container, record
from tests.support.delivering import Line, a_line
from tests.support.threads import in_future, in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


def records(*numbers: int) -> bytes:
    made: bytes = container([record(number) for number in numbers])
    return made


def started(line: Line, content: bytes, **options: Any) -> Upload:
    upload = uploaded(line.workspace, content, piece=100_000)
    imports.start(upload, NOBODY, only=line.connector, **options)
    upload.refresh_from_db()
    return upload


def read_through(upload: Upload) -> Replay:
    while uploads.run(upload.pk):
        pass
    upload.refresh_from_db()
    assert upload.replay is not None
    upload.replay.refresh_from_db()
    return upload.replay


def test_its_events_reach_the_connector_and_no_log(line: Line) -> None:
    line.feed(3)
    line.deliver()
    upload = started(line, records(*range(1000, 1040), 1000, 1001))
    made = read_through(upload)
    assert (upload.stage, upload.accepted, upload.duplicates) == (Stage.DONE, 40, 2)
    assert (made.events, made.state) == (40, ReplayState.WAITING)
    assert check.check() == []
    assert run(made) == {"delivered": 40}
    assert sorted(line.arrived()[3:]) == sorted(f"event-{number}" for number in range(1000, 1040))
    assert event_log.head(line.workspace.pk) == 3
    assert sum(ReceivedTotal.objects.values_list("count", flat=True)) == 3
    assert line.outcomes() == {"delivered": 3}
    assert check.check() == []


def test_nothing_is_sent_before_the_file_is_through(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    upload = started(line, records(*range(25)))
    assert uploads.run(upload.pk, seconds=-1)
    replays.advance()
    made = Replay.objects.get()
    assert (made.state, made.events) == (ReplayState.WAITING, 10)
    assert run(read_through(upload)) == {"delivered": 25}


def test_new_ids_are_those_of_the_replay(line: Line) -> None:
    run(read_through(started(line, records(1, 2), same_ids=False)))
    assert all("-replay-" in one for one in line.arrived())


def test_what_is_not_selected_now_is_counted_as_such(line: Line) -> None:
    with a_line(selected=["users.messages.email.Click"]) as strict:
        assert run(read_through(started(strict, records(*range(5))))) == {"unselected": 5}
        assert strict.arrived() == []
    assert line.arrived() == []


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_crash_repeats_and_loses_nothing(line: Line, monkeypatch: pytest.MonkeyPatch, dies_at: int) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    upload = started(line, records(*range(30)))
    append, calls = imported_batches.append, []

    def dies(*args: Any) -> Any:
        placed = append(*args)
        calls.append(1)
        if len(calls) == dies_at:
            raise KeyboardInterrupt
        return placed

    with monkeypatch.context() as broken:
        broken.setattr(imported_batches, "append", dies)
        with pytest.raises(KeyboardInterrupt):
            uploads.run(upload.pk)
    assert check.check() == []
    made = read_through(upload)
    assert (upload.accepted, upload.duplicates) == (30, 0)
    assert run(made) == {"delivered": 30}
    assert sorted(line.arrived()) == sorted({*line.arrived()})


@pytest.mark.parametrize("by_replay", [True, False])
def test_cancelled_in_the_middle_sends_nothing_and_keeps_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch, by_replay: bool
) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    upload = started(line, records(*range(30)))
    assert uploads.run(upload.pk, seconds=-1)
    if by_replay:
        replays.cancel(Replay.objects.get(), NOBODY)
    else:
        imports.cancel(upload, NOBODY)
    made = read_through(upload)
    assert (upload.stage, made.state) == (Stage.CANCELLED, ReplayState.CANCELLED)
    imported_batches.forget()
    assert not ImportedBatch.objects.exists()
    assert not UploadPiece.objects.exists()
    assert line.arrived() == []
    assert check.check() == []


def deleted_meanwhile(line: Line) -> threading.Thread:
    """Deletes the connector beside this transaction, and waits until that has to wait for it."""
    deleting = in_thread(lambda: lifecycle.delete(line.connector, by=NOBODY))
    wait_for_a_blocked_statement()
    return deleting


def test_a_connector_deleted_while_its_import_grows_and_the_import_never_wait_crosswise(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, started_threads, move = (
        started(line, records(*range(30))),
        list[threading.Thread](),
        uploads._move,
    )

    def while_deleted(*args: Any) -> Callable[[], None]:
        moves = move(*args)

        def moved() -> None:
            moves()
            started_threads.append(deleted_meanwhile(line))

        return moved

    monkeypatch.setattr(uploads, "_move", while_deleted)
    assert not uploads.run(upload.pk)
    started_threads[0].join(20)
    assert not Connector.objects.filter(pk=line.connector.pk).exists()
    assert not ImportedBatch.objects.exists()


def test_a_connector_deleted_while_its_import_is_cancelled_and_who_cancels_never_wait_crosswise(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, started_threads, audited = started(line, records(1)), list[threading.Thread](), audit.record

    def while_deleted(*args: Any, **fields: Any) -> None:
        audited(*args, **fields)
        started_threads.append(deleted_meanwhile(line))

    monkeypatch.setattr(imports, "record", while_deleted)
    imports.cancel(upload, NOBODY)
    started_threads[0].join(20)
    assert not Connector.objects.filter(pk=line.connector.pk).exists()


def test_an_import_that_is_over_cannot_be_cancelled_and_nobody_is_told_it_was(line: Line) -> None:
    made = read_through(started(line, records(1, 2)))
    admin = somebody(line.workspace, Role.ADMIN)
    page = f"/w/{line.workspace.slug}/settings/imports/{made.upload.pk}/"
    told = admin.post(f"{page}cancel/", follow=True).content.decode()
    assert "This import is over already." in told
    assert "Nothing of it is sent." not in told
    assert run(made) == {"delivered": 2}


def test_what_of_it_cannot_be_read_is_named_and_passed(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    made = read_through(started(line, records(*range(30))))
    replays.advance()
    ImportedBatch.objects.filter(first_event=10).update(payload=b"no batch")
    assert deliver(made.delivery_id) == "failed"
    assert Delivery.objects.get(pk=made.delivery_id).stopped == "log_damaged"
    assert [found.sentence for found in check.check()] == ["the imported batch from 10 to 19 cannot be read."]
    said = StringIO()
    call_command("skip_damaged", connector=line.connector.pk, stdout=said)
    assert "Events 10 to 19 cannot be decompressed: 10 rejected." in said.getvalue()
    assert [found.sentence for found in check.check()] == ["the imported batch from 10 to 19 cannot be read."]
    assert run(made) == {"delivered": 20, "rejected": 10}


def test_a_key_rejected_in_the_middle_keeps_everything(line: Line) -> None:
    made = read_through(started(line, records(*range(8))))
    replays.advance()
    line.sandbox.fail(status=401)
    deliver(made.delivery_id)
    assert line.arrived() == []
    line.sandbox.heal()
    assert run(made) == {"delivered": 8}


def test_its_numbers_are_its_own(line: Line) -> None:
    """Neither do they keep the log from being trimmed, nor are the log's events shown for its attempts."""
    line.feed(20)
    line.deliver()
    made = read_through(started(line, records(7, 8)))
    signed("sweep")
    assert trimming.trim(after(days=30)) == 1
    replays.advance()
    deliver(made.delivery_id)
    attempt = made.delivery.attempts.get()
    shown = attempts.content(attempt, personal=True)
    assert [one["id"] for one in shown.events] == ["event-7", "event-8"]


def test_with_its_connector_goes_the_import(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must never become one for all connectors."""
    monkeypatch.setattr(importing, "_AT_ONCE", 10)
    upload = started(line, records(*range(30)))
    assert uploads.run(upload.pk, seconds=-1)
    line.connector.delete()
    assert not uploads.run(upload.pk)
    assert event_log.head(line.workspace.pk) == 0
    assert not ImportedBatch.objects.exists()


def test_the_page_asks_where_the_events_go(line: Line) -> None:
    admin = somebody(line.workspace, Role.ADMIN)
    upload = uploaded(line.workspace, records(1, 2, 3), name="part-7.avro", piece=100_000)
    base = f"/w/{line.workspace.slug}/settings/imports/{upload.pk}/"
    assert "Only to one connector" in admin.get(base).content.decode()
    for bad in ("", "0", "x", "9" * 30, str(line.connector.pk + 1)):
        answer = admin.post(f"{base}start/", {"into": "one", "connector": bad}, follow=True)
        assert "Choose the connector the events are for." in answer.content.decode()
    assert not Replay.objects.exists()
    admin.post(f"{base}start/", {"into": "one", "connector": line.connector.pk, "ids": "new"})
    assert "it begins when the file is through" in admin.get(base).content.decode()
    made = read_through(upload)
    assert "it begins when the file is through" not in admin.get(base).content.decode(), "it has begun"
    assert not made.same_ids
    replay_page = reverse("replays", args=[line.workspace.slug, line.connector.pk])
    for page in (base, replay_page, f"{replay_page}{made.pk}/"):
        found = admin.get(page)
        assert (found.status_code, "part-7.avro" in found.content.decode()) == (200, True), page


def test_what_somebody_has_locked_is_forgotten_the_next_time(line: Line) -> None:
    made = read_through(started(line, records(*range(3))))
    replays.cancel(made, NOBODY)
    with transaction.atomic():
        list(ImportedBatch.objects.select_for_update())
        assert in_future(imported_batches.forget).result(20) == 0
    assert imported_batches.forget() == 1
