"""One answer of the sandbox, and the many bad ways of sending it."""

import os
import select
import socket
import struct
import threading
import time
from http import HTTPStatus
from typing import Any

import msgspec

from exporter.sandbox.offer import SandboxRefusal
from exporter.sandbox.rules import Rule

HANG_SECONDS = 60.0
DRIBBLES = 600
DRIBBLE_SECONDS = 0.1
_FRAMING = ("content-length", "transfer-encoding")


class SandboxAnswer(msgspec.Struct):
    """An HTTP answer in memory. A body of the right length goes out unless `headers` say otherwise."""

    status: int
    body: bytes
    headers: dict[str, str]
    size: int | None = None

    def with_rule(self, rule: Rule) -> "SandboxAnswer":
        body = self.body if rule.body is None else rule.body.encode()
        size = rule.huge_body or (max(len(body), DRIBBLES) if rule.slow_body else None)
        return SandboxAnswer(rule.status or self.status, body, {**self.headers, **rule.headers}, size)

    def misframed(self) -> bool:
        """Whether the headers frame the body in their own way: the connection cannot be used again."""
        return any(name.lower() in _FRAMING for name in self.headers)

    def head(self, *, close: bool) -> bytes:
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unnamed"
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not self.misframed() and self.status not in (204, 304):
            lines.append(f"Content-Length: {self.length()}")
        lines.append(f"Connection: {'close' if close else 'keep-alive'}")
        return "\r\n".join([*lines, "", ""]).encode()

    def length(self) -> int:
        if self.status in (204, 304):
            return 0
        return len(self.body) if self.size is None else self.size

    def piece(self, begin: int, end: int) -> bytes:
        """Bytes `begin` to `end` of the body, which is filled up with blanks to its size."""
        return self.body[begin:end].ljust(end - begin)


def as_json(content: Any, status: int = 200) -> SandboxAnswer:
    body = msgspec.json.encode(content)
    return SandboxAnswer(status, body, {"Content-Type": "application/json", "Cache-Control": "no-store"})


def refused(refusal: SandboxRefusal) -> SandboxAnswer:
    return as_json({"success": False, "code": refusal.code, "message": refusal.message}, refusal.status)


def interim(connection: socket.socket, status: int) -> None:
    """An answer that says nothing yet (RFC 9110, 15.2)."""
    connection.sendall(f"HTTP/1.1 {status} Interim\r\nLink: </style.css>; rel=preload\r\n\r\n".encode())


def send(connection: socket.socket, answer: SandboxAnswer, *, close: bool) -> None:
    """Send head and body, in one piece where they are small. Raises OSError when the client has gone."""
    length = answer.length()
    step = 65_536
    begin = min(length, step)
    connection.sendall(answer.head(close=close) + answer.piece(0, begin))
    while begin < length:
        end = min(length, begin + step)
        connection.sendall(answer.piece(begin, end))
        begin = end


def dribble(
    connection: socket.socket, answer: SandboxAnswer, stopping: threading.Event, *, close: bool
) -> None:
    """Send the head at once and the body over a minute: no single read is slow, only the whole is."""
    connection.sendall(answer.head(close=close))
    length = answer.length()
    step = -(-length // DRIBBLES)
    for begin in range(0, length, max(1, step)):
        if stopping.wait(DRIBBLE_SECONDS):
            return
        connection.sendall(answer.piece(begin, min(length, begin + step)))


def hang(connection: socket.socket, stopping: threading.Event) -> None:
    """Stay silent until the client closes, the sandbox stops, or a minute is over."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    until = time.monotonic() + HANG_SECONDS
    while time.monotonic() < until and not stopping.wait(0.05):
        if poll.poll(0) and not connection.recv(1, socket.MSG_PEEK):
            return


def reset(connection: socket.socket) -> None:
    """Close with RST. The descriptor is taken away from Python, whose own closing would send FIN first."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
