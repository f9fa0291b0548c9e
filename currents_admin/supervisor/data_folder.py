"""PostgreSQL's data folder: made in one step, and freed from servers that still run on it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from currents_admin.supervisor.failure import StartError


@contextmanager
def draft(data: Path, user: str | None, password: str) -> Iterator[tuple[Path, Path]]:
    """An empty folder beside `data` and a file with the password, both the user's; the folder becomes `data`
    only if all went well, so that a kill in between leaves nothing half made."""
    folder, password_file = data.with_name("postgres.new"), data.with_name("postgres.password")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    password_file.unlink(missing_ok=True)
    with open(os.open(password_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(password + "\n")
    try:
        if user:
            shutil.chown(folder, user, user)
            shutil.chown(password_file, user, user)
        yield folder, password_file
        folder.rename(data)
    finally:
        password_file.unlink(missing_ok=True)


def end_servers(data: Path, program: Path) -> None:
    """Stops every PostgreSQL process on this folder (each has it as its working folder), the
    server first and gently.

    Raises:
        StartError: one of them cannot be ended.
    """
    remaining = _servers(data, program)
    for number, seconds in ((signal.SIGINT, 8), (signal.SIGQUIT, 4), (signal.SIGKILL, 4)):
        # To an orphan of a killed server SIGINT would only mean "cancel your query".
        addressed = [process for process in remaining if not _is_orphan(process)]
        if number != signal.SIGINT:
            addressed = remaining
        if addressed:
            for process in addressed:
                _send(process, number)
            remaining = _wait(data, program, seconds)
    if remaining:
        raise StartError(f"Another PostgreSQL (process {remaining[0].pid}) runs on {data} and does not stop.")
    # Nobody runs here; the number in the file may meanwhile belong to a stranger, which would stop the start.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _wait(data: Path, program: Path, seconds: float) -> list[psutil.Process]:
    """The processes still there after that time. It looks again, because an ended process nobody has collected has no
    folder."""
    deadline = time.monotonic() + seconds
    while (remaining := _servers(data, program)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return remaining


def _servers(data: Path, program: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()) == data and _runs(process, program):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _runs(process: psutil.Process, program: Path) -> bool:
    """Any build of the program counts: the checkout's environment may have been made anew meanwhile."""
    executable: str = process.exe()
    return Path(executable.removesuffix(" (deleted)")).name == program.name


def _is_orphan(process: psutil.Process) -> bool:
    """A server's children call themselves `postgres: checkpointer` and the like."""
    try:
        return str(process.cmdline()[0]).startswith("postgres:")
    except (psutil.Error, IndexError):
        return True


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        pass
