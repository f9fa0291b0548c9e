"""Sources: from Avro objects of a folder into the log, as a worker follows it, by wall and by processor time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import msgspec
from django.conf import settings

from benchmarks import backlog, events
from benchmarks.ground import Sink, folder
from benchmarks.results import Result
from connectors.catalogue.catalogue import CATALOGUE
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources.following import FollowTurn, follow

_TYPE = "users.messages.email.Open"
_CODECS = ("deflate", "snappy")
# As Currents' files have it: whole numbers and truth values as such, all else as text, nearly all of it nullable.
_PLAIN = {"int": "long", "number": "double", "boolean": "boolean"}
_NEEDED = ("id", "time")


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    count = 50_000 if quick else 200_000
    for codec in _CODECS:
        runs = [_run(count, codec) for _ in range(rounds)]
        note = f"{count:,} events of {_TYPE}, one object"
        yield Result(
            "sources", f"folder → log, Avro, {codec}", "events/s", [count / one for one, _ in runs], note
        )
        spent = [count / one for _, one in runs]
        yield Result("sources", f"folder → log, Avro, {codec}, of a processor", "events/s", spent, note)


def _run(count: int, codec: str) -> tuple[float, float]:
    """Seconds by the wall and of the processor."""
    made = backlog.connector()
    place = folder() / "source"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    settings.CURRENTS_SOURCE_FOLDERS = [str(folder())]
    _write(place / f"{codec}.avro", made.workspace.slug, count, codec)
    source = Source.objects.create(workspace=made.workspace, url=f"file://{place}", begin=Begin.BEGINNING)
    wall, spent = time.perf_counter(), time.process_time()
    turn = follow(source.pk, seconds=600)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    source.refresh_from_db()
    assert (turn, source.accepted) == (FollowTurn.IDLE, count), f"{turn}: {source.accepted} of {count} events"
    return wall, spent


def _write(file: Path, run: str, count: int, codec: str) -> None:
    storage = CATALOGUE.by_name[_TYPE].storage
    fields: list[dict[str, Any]] = []
    for name, kind in storage.items():
        plain = "int" if name == "time" else _PLAIN.get(str(kind).rpartition(" ")[2], "string")
        fields.append({"name": name, "type": plain if name in _NEEDED else ["null", plain]})
    schema = fastavro.parse_schema({"type": "record", "name": _TYPE, "fields": fields})
    with file.open("wb") as stream:
        fastavro.writer(stream, schema, _records(run, count, list(storage)), codec=codec)


def _records(run: str, count: int, names: list[str]) -> Iterator[dict[str, Any]]:
    samples = [
        one for raw in events.raw(run, 20_000) if (one := msgspec.json.decode(raw))["event_type"] == _TYPE
    ]
    for number in range(count):
        sample = samples[number % len(samples)]
        record = {name: sample.get(name) for name in names}
        yield record | {"id": f"{run}-{number:08d}-5b1e-4c1e-9d41", "time": int(sample["time"])}
