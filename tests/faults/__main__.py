"""`python -m tests.faults [--short] [--only NAME …]`: exit status 1 where a row of the table is wrong."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from currents_admin.supervisor.failure import Stopping
from currents_admin.supervisor.house import say
from currents_admin.supervisor.part import ROOT
from tests.faults import disk, report
from tests.faults.house import House
from tests.faults.row import NOTHING, Row
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage
from tests.faults.waiting import NotInTime

FOLDER = ROOT / "var" / "faults"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="within five minutes (also: FORM=short)")
    names = [*SCENARIOS, "disk"]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    options = parser.parse_args()
    short = options.short or os.environ.get("FORM") == "short"
    signal.signal(signal.SIGTERM, _stop)
    rows: list[Row] = []
    begun, stopped = time.monotonic(), False
    try:
        _play([name for name in SCENARIOS if name in options.only], rows, short=short)
        if "disk" in options.only:
            rows += disk.full_disk(FOLDER, short=short)
    except (KeyboardInterrupt, Stopping):
        stopped = True
    form = "short" if short else "long"
    say("")
    report.show(rows)
    report.write(FOLDER / f"{form}.json", rows, form, time.monotonic() - begun)
    wrong = sum(bool(row.wrong()) for row in rows)
    say(f"\n{len(rows)} rows, {wrong} wrong, {time.monotonic() - begun:.0f} s, {form} form.")
    if stopped:
        say("Stopped before its end: these are the rows that were played.")
        return 130
    return 1 if wrong or not rows else 0


def _play(names: list[str], rows: list[Row], *, short: bool) -> None:
    """Adds the rows as they are played, so that those of a run that is stopped are not lost."""
    if not names:
        return
    house = House(FOLDER / "house", FOLDER / "records")
    try:
        house.open()
        stage = Stage(house, short=short)
        try:
            for name in names:
                rows += _scenario(stage, name)
        finally:
            stage.close()
    finally:
        house.close()


def _scenario(stage: Stage, name: str) -> list[Row]:
    begun = time.monotonic()
    try:
        rows = SCENARIOS[name](stage)
    except NotInTime as late:
        rows = [Row(name, NOTHING, troubles=[str(late)])]
        stage.house.revive()
    stage.sandbox.heal()
    stage.check_ledger(rows)
    for row in rows:
        say(report.one_line(row))
    say(f"    ({name} took {time.monotonic() - begun:.0f} s)")
    return rows


def _stop(number: int, frame: object) -> None:
    raise Stopping


if __name__ == "__main__":
    sys.exit(main())
