"""A bucket that misbehaves while it is followed: each event of it once, and the trouble is told."""

from __future__ import annotations

from tests.faults.judge import Verdict
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Target
from tests.faults.waiting import NotInTime, until
from tests.support.avro import container, record
from tests.support.google_storage import Fault, GoogleStorage, serving

_BUCKET = "exports"
_FOLDER = "currents/dataexport/event_type=users.messages.email.Open"
# In the order they are met: the look, its pages, the objects.
_FAULTS = {Fault.FORBIDDEN: 1, Fault.BUSY: 2, Fault.PAGE_AGAIN: 1, Fault.BUSY_OBJECT: 1, Fault.CUT: 1}


def bucket(stage: Stage) -> list[Row]:
    row = Row("bucket: 403, 503, a page listed twice, an object cut", NOTHING)
    target, objects, each = stage.target(kind="bucket"), stage.size(6, 40), stage.size(200, 5_000)
    storage = GoogleStorage()
    storage.faults.update(_FAULTS)
    for number in range(objects):
        name = f"{_FOLDER}/date=2026-11-{number // 24 + 1:02d}-{number % 24:02d}/part-{number}.avro"
        first = number * each
        storage.objects[name] = container(
            [record(at, id=f"{target.prefix}{at}") for at in range(first, first + each)]
        )
    with serving(storage, _BUCKET, stage.house.bucket_port):
        source = stage.person.follow(
            target, url=f"gs://{_BUCKET}/currents", endpoint=storage.url, key=storage.key()
        )
        try:
            until(lambda: _trouble(stage, source), 30, "the trouble is told")
            row.notes.append(f"told: “{_trouble(stage, source)}”; the key is entered again")
            stage.person.change_source_key(source, endpoint=storage.url, key=storage.key())
            until(lambda: stage.arrivals.count([target]) == objects * each, 120, "every event has arrived")
            until(lambda: not _trouble(stage, source), 60, "the trouble is over")
        except NotInTime as late:
            row.troubles.append(str(late))
    if not storage.faults.total():
        row.proof = ", ".join(f"{fault} ×{times}" for fault, times in storage.played.items())
    row.verdict = _verdict(stage, target, objects * each)
    return [row]


def _trouble(stage: Stage, source: int) -> str:
    return str(stage.house.query("SELECT trouble FROM exporter_source WHERE id = %s", source)[0][0])


def _verdict(stage: Stage, target: Target, events: int) -> Verdict:
    stage.arrivals.look()
    arrived = stage.arrivals.of(target)
    delivered = len(arrived.accepted)
    return Verdict(events, events, delivered, events - delivered, len(arrived.again), [])
