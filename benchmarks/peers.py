"""The peers: other ways to bring the same events to the same sink, and the physical limit.

Each is optional, installed below the benchmark's own folder, and left out with a printed reason. Peers get finished
calls; what the product does besides (storing, converting, accounting) they do not do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import events, syslog_ng
from benchmarks.ground import ROOT, Sink, folder

_CALLS = 200_000
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Peer:
    """`command` gets the sink's URL, a file of calls, their number and the sink's delay in milliseconds, and answers
    on standard output with the seconds it took. `fast`, `slow`: events for a run at 0 ms and at 50 ms."""

    name: str
    command: list[str]
    fast: int
    slow: int
    note: str
    environment: dict[str, str] = field(default_factory=dict)

    def events(self, milliseconds: int) -> int:
        return self.slow if milliseconds else self.fast

    def run(self, sink: Sink, count: int, milliseconds: int) -> float:
        """Events a second.

        Raises:
            AssertionError: the sink did not see exactly `count` distinct ids.
        """
        sink.reset(milliseconds)
        done = subprocess.run(
            [*self.command, sink.url, str(calls_file()), str(count), str(milliseconds)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{self.name} failed: {done.stderr[-500:]}"
        counted = sink.count()
        assert counted["distinct"] == count, f"{self.name}: the sink saw {counted}, not {count} events"
        seconds: float = json.loads(done.stdout.strip().splitlines()[-1])["seconds"]
        return count / (seconds or counted["last"] - counted["first"])


def available() -> Iterator[Peer]:
    yield Peer(
        "raw POST",
        [sys.executable, str(_HERE / "peer_raw.py")],
        200_000,
        200_000,
        "the limit: ready bodies of 475,000 bytes from memory, one connection (8 at 50 ms)",
    )
    for make in (_segment_python, _segment_node, _syslog_ng):
        try:
            yield from make()
        except (OSError, subprocess.SubprocessError, LookupError) as reason:
            print(f"Left out: {make.__name__.strip('_').replace('_', '-')} ({reason}).", flush=True)


def calls_file() -> Path:
    """The first calls of the mix, one a line."""
    path = folder() / "calls.ndjson"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(call + b"\n" for call in events.calls("peers", _CALLS)))
    return path


def _segment_python() -> Iterator[Peer]:
    home = folder() / "segment-python"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "segment-analytics-python"],
            check=True,
            capture_output=True,
        )
        (home / "installed").touch()
    script = [str(python), str(_HERE / "peer_segment.py")]
    note = "from memory: no durability, no conversion, no accounting; starts from ready dictionaries"
    yield Peer("segment-analytics-python, default", [*script, "default"], 40_000, 10_000, note)
    yield Peer("segment-analytics-python, best", [*script, "best"], 40_000, 40_000, note)


def _segment_node() -> Iterator[Peer]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise LookupError("node and npm are not installed")
    home = folder() / "segment-node"
    if not (home / "node_modules" / "@segment" / "analytics-node").exists():
        home.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(home)]
        subprocess.run([*install, "@segment/analytics-node"], check=True, capture_output=True)
    script = home / "peer_segment.mjs"
    script.write_bytes((_HERE / "peer_segment.mjs").read_bytes())
    note = "from memory: no durability, no conversion, no accounting"
    yield Peer("analytics-node, default", [node, str(script), "default"], 20_000, 5_000, note)
    yield Peer("analytics-node, best", [node, str(script), "best"], 40_000, 40_000, note)


def _syslog_ng() -> Iterator[Peer]:
    program = syslog_ng.program()
    script = [sys.executable, "-m", "benchmarks.syslog_ng", str(program), str(folder() / "syslog-ng-run")]
    note = "reliable disk buffer; copies ready lines: no conversion, no outcome per event; timed at the sink"
    yield Peer("syslog-ng, 100 a body", [*script, "100", "1"], 200_000, 10_000, note)
    yield Peer("syslog-ng, 500 a body, 4 senders", [*script, "500", "4"], 200_000, 100_000, note)
