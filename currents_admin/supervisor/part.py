"""One child process: how it is started, seen to have ended, and stopped."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
LOG_LIMIT = 10 * 1024 * 1024
SHORT_LIFE = 5.0
LONGEST_PAUSE = 2.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(slots=True)
class Part:
    """`stop_signal` asks it to end in good order; `clear_the_way` runs before every start; `user` is the
    system user it runs as (None: ours)."""

    name: str
    command: list[str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    clear_the_way: Callable[[], None] = field(default=lambda: None)
    process: subprocess.Popen[bytes] | None = None
    short_lives: int = 0
    started_at: float = 0.0
    start_again_at: float | None = None

    def start(self) -> None:
        """Must be called from the main thread: on Linux a child is told to end when the *thread* that started
        it does."""
        self.clear_the_way()
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C reaches the supervisor alone, which knows the order.
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                preexec_fn=_end_with_parent(os.getpid(), self.stop_signal),
            )
        self.started_at = time.monotonic()
        self.start_again_at = None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def how_it_ended(self) -> str:
        code = self.process.returncode if self.process else None
        return f"signal {-code}" if code is not None and code < 0 else f"status {code}"

    def plan_restart(self) -> None:
        """Restarts at once after a life of 5 s or more, otherwise after pauses that double up to 2 s."""
        now = time.monotonic()
        self.short_lives = self.short_lives + 1 if now - self.started_at < SHORT_LIFE else 0
        pause = min(LONGEST_PAUSE, 0.25 * 2 ** (self.short_lives - 1)) if self.short_lives else 0.0
        self.start_again_at = now + pause

    def ask_to_stop(self) -> None:
        if self.process is not None and self.alive():
            self.process.send_signal(self.stop_signal)

    def finish(self, deadline: float, last_resort: signal.Signals = signal.SIGKILL) -> None:
        """Waits until `deadline` (monotonic), then ends it by force, together with what is left of its group."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.send_signal(last_resort)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.end_group()

    def end_group(self) -> None:
        """Ends children the part left behind; they may still hold its port."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


def open_log(path: Path) -> IO[bytes]:
    """The log to append to; one that has grown beyond 10 MB is moved aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


def _end_with_parent(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """Makes sure that nothing keeps running after a SIGKILL of the supervisor (on Linux; elsewhere the next start
    cleans up)."""
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return tie
