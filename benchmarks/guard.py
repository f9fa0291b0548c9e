"""The regression guard, `make bench-guard`: the hot path against the plain pipeline of the tests, in one process.

Both read the same compressed batches and make the same request bodies; no database and no network. Only the *ratio*
of their speeds counts, as the median of interleaved runs, and it may fall to half of what was recorded before the
guard fails: so a busy machine changes nothing, a lost optimisation does. `--record` writes the floor anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import zstandard
from django.conf import settings

from benchmarks import events
from connectors.catalogue.catalogue import ALL
from exporter.delivery import reader
from exporter.destinations import packing
from exporter.destinations.segment.transform import Plan
from exporter.log import batches
from exporter.log.event_log import Header, lines
from exporter.version import VERSION
from tests.support.plain_transform import plain_call

# The reader touches Django's connection for its error classes; nothing connects.
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql"}})

FLOOR = Path(__file__).with_name("floor.json")
RUNS = 7
_EVENTS = 3_000
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

    def payloads(self, batch_ids: list[int]) -> dict[int, bytes]:
        return {one: self.payload_of[one] for one in batch_ids}

    lines = staticmethod(lines)


def product() -> list[bytes]:
    """Reader → transform → packing, as a turn uses them."""
    source = reader.Reader(1, Plan(ALL, include_anonymous=True), 1)
    bodies, cursor = [], 0
    while (body := source.make(cursor, None, packing.Limits())).end > cursor:
        bodies.append(packing.wrap(body.calls, _SENT_AT))
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


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write the ratio measured now as the floor's base"
    )
    ratio = measure()
    if parser.parse_args().record:
        FLOOR.write_text(json.dumps({"recorded": round(ratio, 2), "floor": round(ratio / 2, 2)}) + "\n")
    floor: float = json.loads(FLOOR.read_text())["floor"]
    print(f"The hot path is {ratio:.1f} times as fast as the plain pipeline; at least {floor:.1f} is asked.")
    return 0 if ratio >= floor else 1


if __name__ == "__main__":
    sys.exit(main())
