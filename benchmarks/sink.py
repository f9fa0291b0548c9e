"""The sink: a receiver in a process of its own that costs the senders as little as it can.

It speaks just enough HTTP/1.1 for keep-alive POSTs, answers what Segment answers, and notes each `messageId` with
the moment its body was complete. Nothing is parsed but the ids; duplicates are found when somebody asks.

A write key that begins with `hang` never gets an answer.

`POST /reset?milliseconds=50` forgets everything and sets the answer's delay, `GET /count` tells what came,
`GET /arrivals` lists `<id> <monotonic seconds>`, one a line.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_BUFFER = 1 << 20
_MESSAGE_ID = re.compile(rb'"messageId": ?"([^"]{1,99})"')
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_HANGING = b": Basic aGFuZ"
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"success":true}'
)


@dataclass(slots=True)
class Memory:
    """What came since the last reset. Times are of the monotonic clock, which all processes here share."""

    delay: float = 0.0
    arrivals: list[tuple[float, list[bytes]]] = field(default_factory=list)
    size: int = 0

    def reset(self, delay: float) -> None:
        self.delay, self.arrivals, self.size = delay, [], 0

    def take(self, body: bytes) -> None:
        self.arrivals.append((time.monotonic(), _MESSAGE_ID.findall(body)))
        self.size += len(body)

    def count(self) -> dict[str, float]:
        distinct = {one for _, ids in self.arrivals for one in ids}
        return {
            "requests": len(self.arrivals),
            "events": sum(len(ids) for _, ids in self.arrivals),
            "distinct": len(distinct),
            "bytes": self.size,
            "first": self.arrivals[0][0] if self.arrivals else 0.0,
            "last": self.arrivals[-1][0] if self.arrivals else 0.0,
        }

    def lines(self) -> bytes:
        return b"".join(b"%b %.6f\n" % (one, at) for at, ids in self.arrivals for one in ids)


class Receiver(asyncio.BufferedProtocol):
    """One connection. Bytes are received where they stay, without a copy on the way."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.buffer = bytearray(_BUFFER)
        self.filled = 0
        self.needed = 0
        self.body_at = 0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        if self.filled == len(self.buffer):
            self.buffer = self.buffer + bytearray(len(self.buffer))
        return memoryview(self.buffer)[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes
        while self._complete():
            head, body = bytes(self.buffer[: self.body_at]), bytes(self.buffer[self.body_at : self.needed])
            rest = bytes(self.buffer[self.needed : self.filled])
            self.buffer[: len(rest)] = rest
            self.filled, self.needed = len(rest), 0
            self._answer(head, body)

    def _complete(self) -> bool:
        if not self.needed:
            end = self.buffer.find(b"\r\n\r\n", 0, self.filled)
            if end < 0:
                return False
            head = bytes(self.buffer[:end])
            length = _LENGTH.search(head)
            self.body_at = end + 4
            self.needed = self.body_at + (int(length[1]) if length else 0)
            if b"100-continue" in head.lower() and self.filled < self.needed:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.filled >= self.needed

    def _answer(self, head: bytes, body: bytes) -> None:
        path = head[: head.index(b"\r\n")].split(b" ")[1]
        if path.startswith((b"/reset", b"/count", b"/arrivals")):
            self._control(path.decode())
            return
        if _HANGING in head:
            return
        self.memory.take(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        if self.memory.delay:
            asyncio.get_running_loop().call_later(self.memory.delay, self._write, _ANSWER)
        else:
            self._write(_ANSWER)

    def _control(self, path: str) -> None:
        parts = urlsplit(path)
        answer = b"{}"
        if parts.path == "/reset":
            self.memory.reset(int(parse_qs(parts.query)["milliseconds"][0]) / 1000)
        elif parts.path == "/count":
            answer = json.dumps(self.memory.count()).encode()
        else:
            answer = self.memory.lines()
        self._write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve(port: int) -> None:
    memory = Memory()
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    # Room for two whole bodies, so that no sender waits for our scheduling.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(memory), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
