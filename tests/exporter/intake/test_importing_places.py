"""Files come from folders, pipes and standard input, under any name."""

from __future__ import annotations

import io
import os
import re
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError

from connectors.models import Workspace
from exporter.models import ImportedFile
from tests.exporter.intake.test_importing import (
    EVENTS,
    SCHEMA,
    avro,
    failed,
    ndjson,
    record,
    run,
    stored,
    workspace,
)
from tests.support.factories import event

__all__ = ["workspace"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_folders_of_files_are_imported_in_one_command_and_summed_up(
    workspace: Workspace, tmp_path: Path
) -> None:
    avro(tmp_path / "event_type=users.messages.email.Open" / "1.avro", [record(1), record(2)])
    avro(tmp_path / "event_type=users.behaviors.Unheard" / "1.avro", [record(3)])
    (tmp_path / "bad.json").write_bytes(b"hello")
    (tmp_path / "mixed.ndjson").write_bytes(ndjson([event(4), event(5, time=None)]))
    (tmp_path / "_SUCCESS").touch()
    out, err = failed(workspace, tmp_path)
    assert out.splitlines()[-1] == (
        "Files: 3 imported, 1 not imported, 1 passed over. Events: 4 accepted, 0 duplicates, 1 refused."
    )
    assert err.splitlines() == [f"{tmp_path}/bad.json: It is neither Avro nor JSON with events."]
    (tmp_path / "bad.json").unlink()
    assert run(workspace, tmp_path).splitlines()[-1].startswith("Files: 3 imported already, 1 passed over.")
    assert sorted(one["event_type"] for one in stored(workspace)) == [
        "users.behaviors.Unheard",
        *["users.messages.email.Open"] * 3,
    ]


def test_another_event_type_is_another_import(workspace: Workspace, tmp_path: Path) -> None:
    path = avro(tmp_path / "x.avro", [record(1)])
    assert "1 accepted" in run(workspace, path, event_type="users.messages.email.Click")
    assert "imported already" not in run(workspace, path, event_type="users.messages.email.Send")
    assert "imported already" in run(workspace, path, event_type="users.messages.email.Send")
    assert ImportedFile.objects.count() == 2


def test_an_event_type_that_differs_in_capitals_alone_is_asked_about(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = avro(tmp_path / "x.avro", [record(1)])
    with pytest.raises(CommandError, match=r"Is users\.messages\.email\.Open meant\?"):
        run(workspace, path, event_type="users.messages.email.open")
    assert stored(workspace) == []


def test_custom_events_keep_their_properties_as_the_text_they_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    fields = [*SCHEMA["fields"], {"name": "properties", "type": "string"}]
    name = "dataexport.S3.inner.users.behaviors.CustomEvent"
    custom = SCHEMA | {"name": name, "namespace": "", "fields": fields}
    run(workspace, avro(tmp_path / "x.avro", [record(1, properties='{"a": [1]}')], custom))
    assert stored(workspace)[0]["properties"] == '{"a": [1]}'
    assert stored(workspace)[0]["event_type"] == "users.behaviors.CustomEvent"


def test_standard_input_is_a_file_like_others(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ndjson(EVENTS))))
        told = run(workspace, Path("-"))
    assert "imported already" in told
    assert stored(workspace) == EVENTS


def test_a_pipe_is_a_file_like_others(workspace: Workspace, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[ndjson(EVENTS)])
    writer.start()
    assert "4 accepted" in run(workspace, pipe)
    writer.join()


def test_a_file_name_that_is_no_utf8_is_imported_and_shown(workspace: Workspace, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.json"))
    path.write_bytes(ndjson(EVENTS))
    assert "caf\ufffd.json: 4 accepted" in run(workspace, tmp_path)
    assert ImportedFile.objects.get().name.endswith("caf\ufffd.json")


def test_the_time_of_an_earlier_import_has_its_zone(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(ndjson(EVENTS))
    run(workspace, path)
    assert re.search(r"imported already at \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n", run(workspace, path))
