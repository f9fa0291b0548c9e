"""A sandbox of one's own inside a Python process: for tests."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from exporter.sandbox.control import Control, Switches
from exporter.sandbox.id_file import read_ids
from exporter.sandbox.memory import LATEST_CALLS, Memory
from exporter.sandbox.rules import Rule
from exporter.sandbox.server import SandboxServer


class Sandbox:
    """A running sandbox: what it got, and the switches to make it fail."""

    def __init__(self, server: SandboxServer, ids_file: Path | None) -> None:
        self._server = server
        self._ids_file = ids_file
        self.url = server.url

    def stats(self) -> dict[str, Any]:
        """The counts `GET /stats` shows."""
        return self._server.memory.stats()

    def calls(
        self, *, limit: int | None = None, event: str = "", message_id: str = "", key4: str = ""
    ) -> list[dict[str, Any]]:
        """The remembered calls that fit, in order of arrival, as `GET /calls` shows them."""
        return self._server.memory.calls(limit=limit, event=event, message_id=message_id, key4=key4)

    def requests(self) -> list[dict[str, Any]]:
        """The last 200 requests with their answers, as `GET /requests` shows them."""
        return self._server.memory.requests()

    def message_ids(self, status: str = "accepted") -> list[str]:
        """The ids accepted (or with `status="duplicate"` those that came again), in order of arrival.

        Raises RuntimeError where more calls came than are remembered and there is no `ids_file` to ask.
        """
        if self._ids_file is not None:
            return [message_id for _, each, message_id in read_ids(self._ids_file) if each == status]
        if not self._server.memory.remembers_everything():
            raise RuntimeError("more calls came than are remembered: give remember= or ids_file=")
        found = [kept["call"].get("messageId") for kept in self.calls() if kept["status"] == status]
        return [message_id for message_id in found if message_id]

    def fail(self, **rule: Any) -> int:
        """Add a rule (fields of `Rule`), return its number. Raises `msgspec.ValidationError`."""
        return self._server.control.rules.add(msgspec.convert(rule, Rule))

    def uses(self, rule: int) -> int:
        """How often a rule was used. Raises KeyError after `heal()`."""
        return {int(each["id"]): int(each["uses"]) for each in self.control()["rules"]}[rule]

    def switch(self, **switches: Any) -> None:
        """Set `latency_ms`, `unknown_key` (200, 400, 401 or 403) or `known_keys`."""
        self._server.control.apply(msgspec.convert(switches, Switches))

    def control(self) -> dict[str, Any]:
        return self._server.control.shown()

    def heal(self) -> None:
        """Forget every rule and switch set since the start."""
        self._server.control.clear()


@contextmanager
def running_sandbox(
    *,
    port: int = 0,
    keys: Iterable[str] = (),
    unknown_key: int = 200,
    latency_ms: int = 0,
    ids_file: Path | None = None,
    remember: int = LATEST_CALLS,
) -> Iterator[Sandbox]:
    """A sandbox in a thread, on a free port; gone with all its connections when the block ends."""
    memory = Memory(remember, ids_file)
    server = SandboxServer(port, Control(keys, unknown_key, latency_ms), memory)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield Sandbox(server, ids_file)
    finally:
        server.stop()
        thread.join()
