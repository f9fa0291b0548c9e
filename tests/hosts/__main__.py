"""`python -m tests.hosts [--only NUMBER …]`: exit status 1 where a row of the table is wrong. Where namespaces are not
allowed it says so, and the status is 0."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from currents_admin.supervisor.house import say
from currents_admin.supervisor.part import ROOT
from tests.faults import report
from tests.faults.row import Row
from tests.faults.stage import Stage
from tests.hosts.house import Houses
from tests.hosts.network import Network, NotPossible
from tests.hosts.scenarios import CUTS, play

FOLDER = ROOT / "var" / "hosts"
_APART = "_CURRENTS_HOSTS_APART"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("--only", nargs="+", type=int, metavar="NUMBER", help=f"1 to {len(CUTS)}")
    options = parser.parse_args()
    if os.environ.get(_APART) != "1":
        return _apart()
    network = Network()
    begun = time.monotonic()
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        rows = _play(network, options.only or range(1, len(CUTS) + 1))
    except NotPossible as why:
        return _not_possible(str(why))
    finally:
        network.close()
    say("")
    report.show(rows)
    report.write(FOLDER / "hosts.json", rows, "hosts", time.monotonic() - begun)
    wrong = sum(bool(row.wrong()) for row in rows)
    say(f"\n{len(rows)} rows, {wrong} wrong, {time.monotonic() - begun:.0f} s.")
    return 1 if wrong else 0


def _apart() -> int:
    """Again, in a network namespace of its own: nobody outside reaches what listens there."""
    try:
        tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    except FileNotFoundError:
        return _not_possible("the program `unshare` (util-linux) is not installed")
    if tried.returncode:
        return _not_possible(tried.stderr.strip())
    again = ["unshare", "--net", sys.executable, "-m", "tests.hosts", *sys.argv[1:]]
    return subprocess.run(again, env=os.environ | {_APART: "1"}).returncode


def _not_possible(why: str) -> int:
    say(f"Several hosts cannot be laid out on this machine: {why}.")
    return 0


def _play(network: Network, numbers: list[int] | range) -> list[Row]:
    house = Houses(FOLDER / "house", FOLDER / "records", network)
    rows: list[Row] = []
    try:
        house.open()
        stage = Stage(house, short=True)
        try:
            for number in numbers:
                row = play(stage, house, CUTS[number - 1])
                stage.check_ledger([row])
                rows.append(row)
                say(report.one_line(row))
        finally:
            stage.close()
    finally:
        house.close()
    return rows


if __name__ == "__main__":
    sys.exit(main())
