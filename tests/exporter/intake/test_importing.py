"""What importing promises: every form of file, each event once, from where an earlier run was broken off."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from django.core.management import CommandError, call_command

from connectors.models import Workspace
from exporter.intake import appender, importing
from exporter.log import event_log, unpacking
from exporter.models import ImportedFile, RejectedEvent
from tests.support.factories import WorkspaceFactory, event

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Open",
    "namespace": "com.example.users.messages.email",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "time", "type": "int"},
        {"name": "user_id", "type": "string"},
        {"name": "external_user_id", "type": ["null", "string"], "default": None},
        {"name": "campaign_name", "type": ["string", "null"]},
        {"name": "a_new_field", "type": ["null", "int", {"type": "array", "items": "string"}]},
        {"name": "raw", "type": ["null", "bytes"]},
    ],
}


def avro(
    path: Path, records: list[dict[str, Any]], schema: dict[str, Any] = SCHEMA, codec: str = "deflate"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), records, codec=codec, sync_interval=500)
    return path


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "time": 1_700_000_000 + number,
        "user_id": "u",
        "external_user_id": None,
        "campaign_name": "Spring",
        "a_new_field": None,
        "raw": None,
    } | fields


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory.create()


def stored(workspace: Workspace) -> list[dict[str, Any]]:
    headers = event_log.headers(workspace.pk, 0, 1_000)
    payloads = event_log.payloads([header.id for header in headers])
    return [json.loads(line) for header in headers for line in unpacking.lines(payloads[header.id])]


def run(workspace: Workspace, *files: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command(
        "import_events",
        *map(str, files),
        workspace=workspace.slug,
        stdout=out,
        stderr=io.StringIO(),
        **options,
    )
    return out.getvalue()


def imported(workspace: Workspace, path: Path) -> importing.Tally:
    with path.open("rb") as file:
        return importing.import_file(workspace.pk, file, str(path))


def failed(workspace: Workspace, *files: Path, **options: Any) -> tuple[str, str]:
    """What a run that ends with an error said, on standard output and on standard error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError):
        call_command(
            "import_events", *map(str, files), workspace=workspace.slug, stdout=out, stderr=err, **options
        )
    return out.getvalue(), err.getvalue()


def test_avro_with_unions_unknown_and_missing_fields(workspace: Workspace, tmp_path: Path) -> None:
    records = [
        record(1, external_user_id="c", a_new_field=["x"], raw=b"bytes"),
        record(2, campaign_name=None),
    ]
    for codec in ("null", "deflate"):
        run(workspace, avro(tmp_path / f"{codec}.avro", records, codec=codec))
    first, second = stored(workspace)
    assert first == {
        "event_type": "users.messages.email.Open",
        "id": "event-1",
        "time": 1_700_000_001,
        "user_id": "u",
        "external_user_id": "c",
        "campaign_name": "Spring",
        "a_new_field": ["x"],
        "raw": "bytes",
    }
    assert second == {
        "event_type": "users.messages.email.Open",
        "id": "event-2",
        "time": 1_700_000_002,
        "user_id": "u",
    }


def test_the_event_type_comes_from_the_option_then_the_path_then_the_schema(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "dataexport" / "event_type=users.messages.email.Click" / "date=2026-01-01"
    run(workspace, avro(folder / "part.avro", [record(1)]))
    run(workspace, avro(folder / "other.avro", [record(2)]), event_type="users.messages.email.Send")
    run(workspace, avro(tmp_path / "plain.avro", [record(3)]))
    assert [one["event_type"].rpartition(".")[2] for one in stored(workspace)] == ["Click", "Send", "Open"]


def test_avro_of_no_type_is_refused_with_advice(workspace: Workspace, tmp_path: Path) -> None:
    path = avro(tmp_path / "x.avro", [record(1)], SCHEMA | {"name": "topLevelRecord", "namespace": ""})
    assert "--event-type" in failed(workspace, path)[1]
    assert stored(workspace) == []


def test_logical_times_become_seconds(workspace: Workspace, tmp_path: Path) -> None:
    schema = SCHEMA | {"fields": [dict(field) for field in SCHEMA["fields"]]}
    schema["fields"][1]["type"] = {"type": "long", "logicalType": "timestamp-millis"}
    run(workspace, avro(tmp_path / "t.avro", [record(1, time=1_700_000_000_500)], schema))
    assert stored(workspace)[0]["time"] == 1_700_000_000.5


def ndjson(events: list[Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


EVENTS = [event(number) for number in range(4)]


@pytest.mark.parametrize(
    "content",
    [
        ndjson(EVENTS),
        b"\xef\xbb\xbf\n" + ndjson(EVENTS).replace(b"\n", b"\r\n\r\n"),
        json.dumps(EVENTS, indent=2).encode(),
        json.dumps({"events": EVENTS}, indent=2).encode(),
        json.dumps({"events": EVENTS}).encode(),
        json.dumps(EVENTS).encode(),
        json.dumps({"events": EVENTS[:2]}).encode() + b"\n" + json.dumps(EVENTS[2:]).encode(),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_json_in_every_form(workspace: Workspace, tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / "events"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert "4 accepted, 0 duplicates, 0 refused" in run(workspace, path)
    assert stored(workspace) == EVENTS


def test_more_events_than_a_request_may_hold(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"events": [event(number) for number in range(10_050)]}))
    assert "10050 accepted" in run(workspace, path)
    assert event_log.head(workspace.pk) == 10_050


def test_a_bad_line_is_rejected_alone_and_reported(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson([event(1)]) + b'{"id": \n12\n' + ndjson([event(2, time=None), event(3)]))
    report = run(workspace, path)
    assert "2 accepted, 0 duplicates, 3 refused" in report
    assert "time is missing" in report
    assert [one["id"] for one in stored(workspace)] == ["event-1", "event-3"]
    assert RejectedEvent.objects.count() == 3


def test_a_finished_file_is_not_read_again(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(EVENTS))
    run(workspace, path)
    copy = tmp_path / "same content.ndjson"
    copy.write_bytes(path.read_bytes())
    assert "imported already" in run(workspace, copy)
    assert ImportedFile.objects.get().position == 4


def test_an_import_goes_on_where_it_was_broken_off(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_AT_ONCE", 3)
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson([event(number) for number in range(10)]))
    append_now, calls = appender.append_now, []

    def dies_at_third(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return append_now(*args)

    monkeypatch.setattr(appender, "append_now", dies_at_third)
    with pytest.raises(KeyboardInterrupt):
        imported(workspace, path)
    assert ImportedFile.objects.get().position == event_log.head(workspace.pk) == 6
    tally = imported(workspace, path)
    assert (tally.skipped, tally.accepted, tally.duplicates) == (6, 4, 0)
    assert [one["id"] for one in stored(workspace)] == [f"event-{number}" for number in range(10)]


def test_two_runs_of_one_file_do_not_pass_each_other(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(ndjson(EVENTS))
    append_now = appender.append_now

    def after_another(*args: Any) -> Any:
        ImportedFile.objects.update(position=2)
        return append_now(*args)

    monkeypatch.setattr(appender, "append_now", after_another)
    with pytest.raises(importing.Overtaken):
        imported(workspace, path)
    assert event_log.head(workspace.pk) == 0


def test_a_damaged_file_gives_what_stands_before_the_damage_and_says_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = avro(tmp_path / "cut.avro", [record(number) for number in range(200)])
    path.write_bytes(path.read_bytes()[:-700])
    assert "damaged" in failed(workspace, path)[1]
    assert 0 < event_log.head(workspace.pk) < 200
    assert ImportedFile.objects.get().finished_at is None


@pytest.mark.parametrize("content", [b"hello", b"\x1f\x8bnot gzip", b"Obj\x01rest", b"{", b"PK\x03\x04"])
def test_what_is_no_event_file_is_said_to_be_none(
    workspace: Workspace, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(CommandError):
        run(workspace, path)
    assert event_log.head(workspace.pk) == 0


def test_an_unknown_workspace_or_file_is_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("import_events", str(tmp_path / "x"), workspace="nowhere")
    with pytest.raises(CommandError):
        run(workspace, tmp_path / "missing")


@pytest.mark.parametrize("option", ["--workspace", "--event-type"])
@pytest.mark.parametrize("value", ["a\udcff", "a\0"])
def test_an_argument_that_is_no_text_is_told_in_words(
    workspace: Workspace, tmp_path: Path, option: str, value: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{}")
    given = {"--workspace": workspace.slug} | {option: value}
    with pytest.raises(CommandError, match="must be text"):
        call_command("import_events", *(f"{name}={one}" for name, one in given.items()), str(path))
