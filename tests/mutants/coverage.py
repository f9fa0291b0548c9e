"""Which tests run which line: measured once per state of the code, kept in the folder of the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from coverage import CoverageData

# Module → line → the tests that run it.
Lines = dict[str, dict[int, set[str]]]


@dataclass(frozen=True, slots=True)
class Measured:
    lines: Lines
    seconds: dict[str, float]

    def tests_for(self, module: str, line: int, most: int) -> list[str]:
        """The quickest tests that run the line; for one that runs at import only, those that run the module."""
        found = self.lines[module].get(line) or set().union(*self.lines[module].values())
        return sorted(found, key=lambda test: (self.seconds.get(test, 1.0), test))[:most]


def measure(root: Path, folder: Path, rooms: list[str], tests: list[str]) -> Measured:
    """Runs the tests once with coverage, unless that was done for this very state of the code."""
    data, times, state = folder / "coverage", folder / "seconds.json", folder / "state"
    now = " ".join((_state(root), *tests))
    if not (data.exists() and times.exists() and state.exists() and state.read_text() == now):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "coveragerc").write_text(f"[run]\ndata_file = {data}\nconcurrency = thread\n")
        report = folder / "report.xml"
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", *tests, "-q", "-p", "no:randomly", "--no-header"),
                *(f"--cov={room}" for room in rooms),
                *("--cov-context=test", "--cov-report=", f"--cov-config={folder / 'coveragerc'}"),
                *(f"--junitxml={report}", "-o", "junit_family=xunit1"),
            ],
            cwd=root,
            check=False,
        )
        times.write_text(json.dumps(_seconds(report)))
        state.write_text(now)
    return Measured(_lines(root, data), json.loads(times.read_text()))


def _state(root: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _seconds(report: Path) -> dict[str, float]:
    from xml.etree import ElementTree as ET

    return {
        f"{case.get('file')}::{case.get('name')}": float(case.get("time", 1))
        for case in ET.parse(report).iter("testcase")  # noqa: S314
    }


def _lines(root: Path, data: Path) -> Lines:
    covered = CoverageData(basename=str(data))
    covered.read()
    lines: Lines = {}
    for file in covered.measured_files():
        by_line: dict[int, set[str]] = defaultdict(set)
        for line, contexts in covered.contexts_by_lineno(file).items():
            # `tests/…::test_name[parameters]|run`
            by_line[line] |= {context.rpartition("|")[0] for context in contexts if context.endswith("|run")}
        lines[str(Path(file).relative_to(root))] = dict(by_line)
    return lines
