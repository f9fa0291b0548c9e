"""Sources: from Avro objects of a folder into the log, as a worker follows it, by wall and by processor time; the
memory that takes with one object of a gigabyte; and how long a look takes where everything was taken before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro
import msgspec
from django.conf import settings

from benchmarks import backlog, events
from benchmarks.ground import ROOT, Sink, folder
from benchmarks.results import Result
from connectors.catalogue.catalogue import CATALOGUE
from exporter import sql
from exporter.models import Source, SourceObject
from exporter.models.sources import Begin, Taken
from exporter.sources import store as stores
from exporter.sources.following import FollowTurn, follow
from exporter.sources.listing import Listing

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
    yield from _memory(100_000_000 if quick else 1_000_000_000)
    yield from _looks(10_000 if quick else 100_000)


def _run(count: int, codec: str) -> tuple[float, float]:
    """Seconds by the wall and of the processor."""
    source, place = _source()
    _write(place / f"{codec}.avro", source.workspace.slug, count, codec)
    wall, spent = time.perf_counter(), time.process_time()
    turn = follow(source.pk, seconds=600)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    source.refresh_from_db()
    assert (turn, source.accepted) == (FollowTurn.IDLE, count), f"{turn}: {source.accepted} of {count} events"
    return wall, spent


def _source() -> tuple[Source, Path]:
    """Of a workspace of its own, from the beginning; its folder is empty."""
    place = folder() / "source"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    settings.CURRENTS_SOURCE_FOLDERS = [str(folder())]
    workspace = backlog.connector().workspace
    return Source.objects.create(workspace=workspace, url=f"file://{place}", begin=Begin.BEGINNING), place


def _memory(size: int) -> Iterator[Result]:
    source, place = _source()
    file = place / "large.avro"
    # Not packed an event has this many bytes.
    _write(file, source.workspace.slug, 1_000, "null")
    count = size * 1_000 // file.stat().st_size
    _write(file, source.workspace.slug, count, "null")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.follow_one", str(source.pk)],
        cwd=ROOT,
        env=os.environ | {"CURRENTS_SOURCE_FOLDERS": str(folder())},
        capture_output=True,
        text=True,
        check=True,
    )
    source.refresh_from_db()
    assert source.accepted == count, f"{source.accepted} of {count} events"
    before, after = map(float, done.stdout.split())
    note = f"one object of {file.stat().st_size / 1e9:.2g} GB, {count:,} events; {before:.0f} MB before it"
    yield Result("sources", "folder → log, highest resident memory", "MB", [after], note)
    shutil.rmtree(place)


def _looks(count: int) -> Iterator[Result]:
    """Objects in Braze's layout, all taken long ago; the folder is listed whole, then as it is from then on."""
    source, place = _source()
    types = sorted(CATALOGUE.by_name)[:50]
    for number in range(count):
        hour = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=number // len(types))
        home = place / f"event_type={types[number % len(types)]}" / f"date={hour:%Y-%m-%d-%H}"
        home.mkdir(parents=True)
        (home / "part-0.avro").touch()
    for page in Listing(stores.of(source), source, sql.clock()).pages():
        SourceObject.objects.bulk_create(
            SourceObject(
                source=source,
                name=one.name,
                etag=one.etag,
                size=one.size,
                modified_at=one.modified_at,
                state=Taken.DONE,
            )
            for one in page
        )
    note = f"{count:,} objects that were taken before"
    for name in ("a look at everything", "the next look"):
        Source.objects.filter(pk=source.pk).update(next_look_at=None)
        began = time.perf_counter()
        turn = follow(source.pk)
        seconds = time.perf_counter() - began
        assert turn is FollowTurn.IDLE, turn
        yield Result("sources", name, "s", [seconds], note)
    assert source.entries.count() == count
    shutil.rmtree(place)


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
