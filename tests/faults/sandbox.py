"""The sandbox, steered and watched from outside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple

from currents_admin.supervisor.port import HOST


class Seen(NamedTuple):
    """One request as the sandbox saw it: UNIX seconds of its beginning, the key's last four characters, calls, rule."""

    number: int
    at: float
    milliseconds: float
    key4: str
    calls: int
    status: int | None
    rule: int | None


class Sandbox:
    """A client of the sandbox's control pages."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.host, self.port = host, port

    def add(self, **rule: Any) -> int:
        """A rule of `exporter.sandbox.rules.Rule`; answers its number."""
        return int(self._ask("POST", "/control", rule)["added"][0])

    def switch(self, **switches: Any) -> None:
        self._ask("POST", "/control", switches)

    def heal(self) -> None:
        """Forgets every rule and switch."""
        self._ask("DELETE", "/control")

    def uses(self, rule: int) -> int:
        return next(int(each["uses"]) for each in self._ask("GET", "/control")["rules"] if each["id"] == rule)

    def in_flight(self) -> int:
        return int(self._ask("GET", "/stats")["in_flight"])

    def requests(self) -> list[Seen]:
        return [Seen(*(each[name] for name in Seen._fields)) for each in self._ask("GET", "/requests")]

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        connection = HTTPConnection(self.host, self.port, timeout=10)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"the sandbox answered {answer.status} to {method} {path}: {said[:200]!r}")
            return json.loads(said)
        finally:
            connection.close()


class Watcher:
    """Collects the sandbox's latest requests before it forgets them (it keeps 200)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seen: dict[tuple[float, int], Seen] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Raises OSError while the sandbox is down."""
        self._seen.update(((each.at, each.number), each) for each in self._sandbox.requests())

    def of(self, key4: str) -> list[Seen]:
        return sorted(
            (each for each in list(self._seen.values()) if each.key4 == key4), key=lambda each: each.at
        )

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            try:
                self.look()
            except (OSError, HTTPException, RuntimeError):  # on another host it shows its pages to nobody
                continue


def widest(requests: Iterable[Seen]) -> int:
    """The most requests that were at the sandbox at one time."""
    edges = sorted(
        edge for each in requests for edge in ((each.at, 1), (each.at + each.milliseconds / 1000, -1))
    )
    most = now = 0
    for _at, step in edges:
        now += step
        most = max(most, now)
    return most


def largest(requests: Iterable[Seen]) -> int:
    """The most calls in one request."""
    return max((each.calls for each in requests), default=0)
