"""`make bench`: runs the parts that were asked for (all by default), prints one table, writes JSON.

It expects a PostgreSQL and a Redis of its own, as `python -m currents_admin.supervisor services` provides them.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks import ground, results
from benchmarks.results import Result

PARTS = (
    "delivery",
    "replay",
    "sources",
    "intake",
    "together",
    "freshness",
    "tenants",
    "memory",
    "growth",
    "pages",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer events and runs; a few minutes in all")
    parser.add_argument("--rounds", type=int, help="interleaved runs (5, quick: 3)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    surroundings = results.machine()
    found: list[Result] = []
    sink = ground.Sink()
    try:
        ground.open_ground(sink)
        # In this order: the history of the pages leaves events behind that would be delivered in other parts.
        for name in [part for part in PARTS if part in (options.parts or PARTS)]:
            print(f"{name} (load {Path('/proc/loadavg').read_text().split()[0]})", flush=True)
            part = importlib.import_module(f"benchmarks.{name}")
            rounds = options.rounds or (3 if options.quick else 5)
            for result in part.measure(sink, quick=options.quick, rounds=rounds):
                print(f"  {result.name}: {result.median:,.1f} {result.unit} {result.note}", flush=True)
                found.append(result)
        surroundings |= ground.database()
    finally:
        sink.stop()
    print()
    for name, value in surroundings.items():
        print(f"{name}: {value}")
    print("\n" + results.table(found))
    print(f"\nWritten to {results.write(ground.folder() / 'results', surroundings, found)}")


main()
