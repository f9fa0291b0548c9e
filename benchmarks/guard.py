"""The regression guard, `make bench-guard`: the hot path against the plain pipeline of the tests, in one process.

Both read the same compressed batches and make the same request bodies; no database and no network. It is done twice:
for long batches, as a backlog is worked off, and for deliveries of a single event each, as many small connectors have
them, where the product also prepares what the settle writes. Only the *ratio* of the speeds counts, as the median of
interleaved runs, and it may fall to half of what was recorded before the guard fails: so a busy machine changes
nothing, a lost optimisation does. `--record` writes the floors anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID

import django
import zstandard

# The product's modules ask Django for its models; nothing connects.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")
django.setup()

from benchmarks import events  # noqa: E402
from connectors.catalogue.catalogue import ALL  # noqa: E402
from exporter.delivery import reader  # noqa: E402
from exporter.delivery.lanes.claim import Claimed  # noqa: E402
from exporter.delivery.lanes.settle_many import Landed, parameters  # noqa: E402
from exporter.delivery.lanes.small_body import small_body  # noqa: E402
from exporter.delivery.piece import Piece  # noqa: E402
from exporter.delivery.settings_in_force import Current  # noqa: E402
from exporter.delivery.step import Tried  # noqa: E402
from exporter.destinations import packing  # noqa: E402
from exporter.destinations.endpoint import endpoint  # noqa: E402
from exporter.destinations.segment.transform import Plan  # noqa: E402
from exporter.log import batches  # noqa: E402
from exporter.log.event_log import Header  # noqa: E402
from exporter.version import VERSION  # noqa: E402
from tests.support.plain_transform import plain_call  # noqa: E402

FLOOR = Path(__file__).with_name("floor.json")
RUNS = 7
_EVENTS = 3_000
_SMALL = 1_000
_SENT_AT = "2026-01-02T03:04:05.678Z"
_NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class MemoryLog:
    """Stands in for `exporter.event_log`: the batches of one log, held in memory."""

    def __init__(self, made: list[batches.Batch]) -> None:
        self.payload_of: dict[int, bytes] = {}
        self.all: list[Header] = []
        first = 0
        for place, batch in enumerate(made):
            self.payload_of[place] = batch.compressed()
            self.all.append(Header(place, first, first + batch.count, _NOW, batch.type_counts))
            first += batch.count

    def headers(self, workspace_id: int, cursor_at: int, limit: int) -> list[Header]:
        return [header for header in self.all if header.end_event > cursor_at][:limit]

    def head(self, workspace_id: int) -> int:
        return self.all[-1].end_event

    def payloads(self, batch_ids: list[int]) -> dict[int, bytes]:
        return {one: self.payload_of[one] for one in batch_ids}


def product() -> list[bytes]:
    """Reader → transform → packing, as a turn uses them."""
    source = reader.Reader(1, Plan(ALL, include_anonymous=True), 1)
    bodies, cursor = [], 0
    while (body := source.make(cursor, None, packing.Limits())).end > cursor:
        bodies.append(packing.wrap(body.calls, datetime.fromisoformat(_SENT_AT)))
        cursor = body.end
    return bodies


def plain(log: MemoryLog) -> list[bytes]:
    """The same without any of the product's means: standard JSON, the tests' own conversion."""
    decompressor = zstandard.ZstdDecompressor()
    bodies: list[bytes] = []
    calls: list[str] = []
    size = packing.ENVELOPE
    for payload in log.payload_of.values():
        for line in decompressor.decompress(payload).split(b"\n"):
            call = json.dumps(
                plain_call(json.loads(line), VERSION), separators=(",", ":"), ensure_ascii=False
            )
            if calls and size + len(call.encode()) + 1 > packing.MOST_BYTES:
                bodies.append(_wrap(calls))
                calls, size = [], packing.ENVELOPE
            calls.append(call)
            size += len(call.encode()) + (len(calls) > 1)
    return [*bodies, _wrap(calls)]


def _wrap(calls: list[str]) -> bytes:
    return f'{{"batch":[{",".join(calls)}],"sentAt":"{_SENT_AT}"}}'.encode()


def measure() -> float:
    """How often the product is as fast as the plain pipeline; checks first that both make the same bodies."""
    log = MemoryLog(batches.cut([one for group in events.incoming("guard", _EVENTS) for one in group]))
    vars(reader)["event_log"] = log
    own, reference = product(), plain(log)
    assert [json.loads(body) for body in own] == [json.loads(body) for body in reference], "the bodies differ"
    return median(_seconds(lambda: plain(log)) / _seconds(product) for _ in range(RUNS))


def small(claimed: list[Claimed], current: Current) -> list[bytes]:
    """What a set costs besides database and network: a body of each delivery, and the columns of the settle."""
    bodies, landed = [], []
    for one in claimed:
        body = small_body(one, current)
        bodies.append(packing.wrap(body.calls, datetime.fromisoformat(_SENT_AT)))
        tried = Tried(1.0, 200, "accepted", "", 1.0, 1, body.size, body.first, body.first, "", None)
        landed.append(Landed(one, Piece.of(body, 2.0), tried))
    parameters(landed)
    return bodies


def measure_small() -> float:
    """The same ratio for deliveries of one event each."""
    made = [batches.make([one]) for group in events.incoming("guard-small", _SMALL) for one in group]
    logs = [MemoryLog([batch]) for batch in made]
    plan = Plan(ALL, include_anonymous=True)
    current = Current(1, True, plan, endpoint("http://127.0.0.1:1/v1/batch"), b"", 1)
    claimed = [
        Claimed(number, number, number, 0, 1, 1, UUID(int=1), 0.0, [(log.all[0], log.payload_of[0])])
        for number, log in enumerate(logs)
    ]
    own, reference = small(claimed, current), [plain(log)[0] for log in logs]
    assert [json.loads(body) for body in own] == [json.loads(body) for body in reference], "the bodies differ"
    return median(
        _seconds(lambda: [plain(log) for log in logs]) / _seconds(lambda: small(claimed, current))
        for _ in range(RUNS)
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write the ratios measured now as the floors' base"
    )
    ratios = {"backlog": measure(), "single events": measure_small()}
    if parser.parse_args().record:
        floors = {
            name: {"recorded": round(ratio, 2), "floor": round(ratio / 2, 2)}
            for name, ratio in ratios.items()
        }
        FLOOR.write_text(json.dumps(floors) + "\n")
    floors = json.loads(FLOOR.read_text())
    for name, ratio in ratios.items():
        floor = floors[name]["floor"]
        print(f"{name}: {ratio:.2f} times as fast as the plain pipeline; at least {floor:.2f} is asked.")
    return 0 if all(ratio >= floors[name]["floor"] for name, ratio in ratios.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
