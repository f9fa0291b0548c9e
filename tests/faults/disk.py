"""A full disk: the data on a small one of its own, filled to the last byte while events come in, then freed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from currents_admin import probe
from currents_admin.supervisor.house import say
from tests.faults.house import House
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Stream
from tests.faults.waiting import NotInTime, until

SIZE = "400m"
FAULT = "disk full, then freed"


def full_disk(folder: Path, *, short: bool) -> list[Row]:
    """A row; none in the short form, or in its place a failed one where no disk may be mounted."""
    if short:
        say("disk full: left to the long form.")
        return []
    small = folder / "small-disk"
    small.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(small)], capture_output=True, text=True
    )
    if mounted.returncode:
        return [Row(FAULT, NOTHING, troubles=[f"no disk can be mounted here: {mounted.stderr.strip()}"])]
    try:
        return [_on_small_disk(small, folder / "records")]
    finally:
        subprocess.run(["umount", str(small)], check=False)


def _on_small_disk(folder: Path, records: Path) -> Row:
    house = House(folder, records)
    row = Row(FAULT, NOTHING)
    try:
        house.open()
        stage = Stage(house, short=False)
        try:
            stream = stage.stream([stage.target()], events=20_000, rate=1000)
            try:
                stage.await_arrivals(stream, 2_000)
                row.proof = _fill(stage, stream, folder / "ballast")
            except NotInTime as late:
                row.troubles.append(str(late))
            _revived(stage)
            stage.finish(stream, row)
            stage.check_ledger([row])
        finally:
            stage.close()
    finally:
        house.close()
    return row


def _fill(stage: Stage, stream: Stream, ballast: Path) -> str:
    """Until intake cannot store any more; then the disk is freed."""
    size = _write_to_the_end(ballast)
    try:
        until(lambda: stream.refused()["503"] >= 5, 60, "intake answers 503")
        refused = stream.refused()["503"]
        until(lambda: probe.status(stage.house.web_ports["web"], "/readyz") == 503, 20, "/readyz says 503")
    finally:
        ballast.unlink()
    return f"{size / 1e6:.0f} MB filled the disk, {refused} bodies and /readyz answered 503"


def _write_to_the_end(ballast: Path) -> int:
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(1 << 16))
            except OSError:
                break
    return os.stat(ballast).st_size


def _revived(stage: Stage) -> None:
    """As the supervisor does: what ended is started again, until it stays."""
    until(lambda: not stage.house.revive(), 60, "every part runs again")
