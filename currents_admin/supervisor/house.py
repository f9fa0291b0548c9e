"""The set of parts: started in order, restarted when one dies, stopped in the opposite order."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from currents_admin.supervisor import leftovers
from currents_admin.supervisor.failure import StartError, Stopping
from currents_admin.supervisor.part import Part

TICK = 0.1
GRACE = 15.0  # seconds that web, workers and beat have to finish what they are doing
SERVICE_GRACE = {"sandbox": 1.5, "redis": 2.5, "postgres": 6.0}
_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class House:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._asked_to_stop = False

    def listen(self) -> None:
        """From now on Ctrl-C and SIGTERM end whatever is awaited with `Stopping`."""
        for number in _WATCHED:
            signal.signal(number, self._stop_was_asked)

    def start(self, part: Part) -> None:
        self.parts.append(part)
        part.start()
        leftovers.note(self.parts)

    def wait(self, part: Part, ready: Callable[[], bool], *, seconds: float) -> None:
        """Until `ready()`.

        Raises:
            StartError: the part ended, or the time is over.
            Stopping: somebody asked to stop.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not part.alive():
                raise StartError(f"{part.name} ended while starting ({part.how_it_ended()}); see {part.log}.")
            if time.monotonic() > deadline:
                raise StartError(f"{part.name} was not ready within {seconds:g} seconds; see {part.log}.")
            self.pause()

    def pause(self, seconds: float = TICK) -> None:
        """Raises `Stopping` instead where somebody asked to stop."""
        if self._asked_to_stop:
            raise Stopping
        time.sleep(seconds)

    def keep_running(self) -> None:
        """Restarts whatever dies, until somebody asks it to stop (`Stopping`)."""
        while True:
            self.pause()
            for part in self.parts:
                self._look_after(part)

    def stop(self) -> None:
        """Stops the parts that use the services first, all at once; then the sandbox, Redis and PostgreSQL, one by
        one."""
        users = [part for part in self.parts if part.name not in SERVICE_GRACE]
        deadline = time.monotonic() + GRACE
        for part in users:
            part.ask_to_stop()
        for part in users:
            part.finish(deadline)
        for part in reversed(self.parts):
            if part.name in SERVICE_GRACE:
                part.ask_to_stop()
                # PostgreSQL's immediate stop; the next start recovers from its log.
                last_resort = signal.SIGQUIT if part.name == "postgres" else signal.SIGKILL
                part.finish(time.monotonic() + SERVICE_GRACE[part.name], last_resort)
        self.parts = []
        leftovers.note([])

    def _look_after(self, part: Part) -> None:
        if part.alive():
            return
        if part.start_again_at is None:
            part.end_group()
            part.plan_restart()
            self._tell(part)
        if part.start_again_at is not None and time.monotonic() >= part.start_again_at:
            try:
                part.start()
            except (OSError, StartError) as error:
                say(f"{part.name} cannot be started: {error}")
                part.plan_restart()
            leftovers.note(self.parts)

    def _tell(self, part: Part) -> None:
        """Reports each death in one line, but a part that keeps dying does not fill the screen."""
        if part.short_lives < 3:
            say(f"{part.name} ended ({part.how_it_ended()}); starting it again.")
        elif part.short_lives == 3:
            say(f"{part.name} keeps ending; it is restarted every 2 seconds. See {part.log}.")

    def _stop_was_asked(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True


def say(sentence: str) -> None:
    try:
        print(sentence, flush=True)
    except OSError:
        # The terminal is gone, but the parts still have to be looked after.
        sys.stdout = None
