"""What an earlier run left behind when it was killed: a record of our processes, and how they are ended.

A process is ended only if its number, start time and command are the recorded ones, because numbers are reused.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from currents_admin import local
from currents_admin.supervisor.part import Part

PATIENCE = 5.0


def note(parts: Iterable[Part]) -> None:
    """Writes `pids.json`: the process number, start time and command of every living part."""
    found = {}
    for part in parts:
        try:
            process = psutil.Process(part.pid) if part.alive() else None
        except psutil.NoSuchProcess:
            process = None
        if process is not None:
            found[part.name] = {
                "pid": part.pid,
                "started": process.create_time(),
                "command": part.command,
            }
    local.write_private(_file(), json.dumps(found))


def clear() -> None:
    """Ends recorded parts that are still running. PostgreSQL's own module looks after PostgreSQL."""
    try:
        noted = json.loads(_file().read_text())
    except (OSError, ValueError):
        return
    still_running = [
        process for name, entry in noted.items() if name != "postgres" and (process := _same(entry))
    ]
    for process in still_running:
        _signal(process, signal.SIGTERM)
    for process in _wait(still_running):
        _signal(process, signal.SIGKILL)
    _wait(still_running)


def _file() -> Path:
    return local.folder() / "pids.json"


def _same(entry: dict[str, object]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(str(entry["pid"])))
        started = float(str(entry["started"]))
        # The start time is derived from the host's clock, which may have been set meanwhile.
        if abs(process.create_time() - started) < 2 and process.cmdline() == entry["command"]:
            return process
    except (psutil.Error, KeyError, ValueError):
        pass
    return None


def _wait(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The processes still running after a while; an ended process that nobody has collected does not count."""
    deadline = time.monotonic() + PATIENCE
    while (
        remaining := [process for process in processes if _works(process)]
    ) and time.monotonic() < deadline:
        time.sleep(0.05)
    return remaining


def _works(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass
