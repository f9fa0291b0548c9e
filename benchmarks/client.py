"""A client that posts bodies of events as Braze does, from a process of its own: `python -m benchmarks.client PLAN`.

All bodies are made before the clock starts. Prints what was answered and how long it took.
"""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import events
from benchmarks.ground import ROOT

_ID = b'"id":"'


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` in events/s, 0 for as fast as it goes; `moments` names a file for `<id> <seconds of the answer>`;
    `tokens` names a file with a token a line: then body after body goes with the next of these."""

    port: int
    token: str
    run: str
    events: int
    size: int
    connections: int = 8
    rate: float = 0
    moments: str = ""
    tokens: str = ""

    def start(self) -> subprocess.Popen[str]:
        """Its process; it says `ready` and begins at the next line it reads."""
        command = [sys.executable, "-m", "benchmarks.client", json.dumps(asdict(self))]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the client did not start"
        return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """`seconds`, `answers` (by status), `accepted`, `duplicates`, `rejected`."""
    output, _ = process.communicate(timeout=600)
    told: dict[str, Any] = json.loads(output)
    return told


class _Client:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.bodies = list(self._bodies())
        self.tokens = Path(plan.tokens).read_text().split() if plan.tokens else [plan.token]
        self.next = itertools.count()
        self.answers: Counter[str] = Counter()
        self.moments: list[tuple[int, float]] = []
        self.guard = threading.Lock()

    def _bodies(self) -> Any:
        source = events.raw(self.plan.run, self.plan.events, shape="custom_http")
        while group := list(itertools.islice(source, self.plan.size)):
            yield b'{"events":[' + b",".join(group) + b"]}"

    def run(self) -> float:
        threads = [threading.Thread(target=self._send) for _ in range(self.plan.connections)]
        self.began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - self.began

    def _send(self) -> None:
        head = (
            "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        connection = socket.create_connection(("127.0.0.1", self.plan.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (place := next(self.next)) < len(self.bodies):
            if self.plan.rate:
                due = self.began + place * self.plan.size / self.plan.rate
                time.sleep(max(0.0, due - time.monotonic()))
            body = self.bodies[place]
            token = self.tokens[place % len(self.tokens)]
            connection.sendall((head % (token, len(body))).encode() + body)
            self._note(place, *_answer(connection))
        connection.close()

    def _note(self, place: int, status: str, answer: dict[str, Any]) -> None:
        with self.guard:
            self.answers[status] += 1
            self.moments.append((place, time.monotonic()))
            for name in ("accepted", "duplicates"):
                self.answers[name] += answer.get(name, 0)
            self.answers["rejected"] += len(answer.get("rejected", ()))

    def write_moments(self) -> None:
        lines = [
            b"%b %.6f\n" % (piece[:36], at)
            for place, at in self.moments
            for piece in self.bodies[place].split(_ID)[1:]
        ]
        Path(self.plan.moments).write_bytes(b"".join(lines))


def _answer(connection: socket.socket) -> tuple[str, dict[str, Any]]:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += _more(connection)
    status = head.split(b" ", 2)[1].decode()
    return status, json.loads(body) if status == "202" else {}


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise ConnectionError("the web server closed the connection")
    return piece


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    client = _Client(plan)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = client.run()
    if plan.moments:
        client.write_moments()
    print(json.dumps({"seconds": seconds, **client.answers}))


if __name__ == "__main__":
    main()
