"""Where a request ends: its head, and how long its body is (RFC 9112). Bytes in, verdicts out; no sockets, no clock.

This only says when enough has arrived. What the bytes mean is decided by gunicorn's parser, which is given exactly
them: where the two disagree it meets an end, never a wait.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_HEAD = 32_768
_MOST_LINE = 1_000
_FREE_CHUNKS, _LEAST_CHUNK = 1_000, 512


# Names as RFC 9110 has them, a line for each, and nothing that another reader would take for the end of a line.
_FIELDS = re.compile(rb"(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*)*")


class Malformed(Exception):
    """No end can be found: `status` is what the client is told."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Head:
    """What the front needs to know of a request before its body."""

    method: str
    path: str
    authorization: str = ""
    length: int = 0
    chunked: bool = False
    expects_continue: bool = False
    keeps_alive: bool = True


def read_head(raw: bytes) -> Head:
    """The head without its blank line.

    Raises:
        Malformed: 400; also two lengths, a length beside chunks, or fields whose end or name could be read in two
            ways: the seeds of smuggled requests.
    """
    start, *lines = raw.split(b"\r\n")
    words = start.split(b" ")
    if len(words) != 3 or b"\n" in start or b"\r" in start or not _FIELDS.fullmatch(raw, len(start)):
        raise Malformed(400)
    head = Head(words[0].decode("latin-1"), words[1].partition(b"?")[0].decode("latin-1"))
    head.keeps_alive = words[2] != b"HTTP/1.0"
    lengths: list[bytes] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        match name.lower() if colon else b"":
            case b"content-length":
                lengths.append(value.strip())
            case b"transfer-encoding":
                head.chunked = True
            case b"authorization":
                head.authorization = value.strip().decode("latin-1")
            case b"connection":
                head.keeps_alive = head.keeps_alive and value.strip().lower() != b"close"
            case b"expect":
                head.expects_continue = value.strip().lower() == b"100-continue"
    if len(lengths) > 1 or (lengths and head.chunked):
        raise Malformed(400)
    if lengths:
        if not lengths[0].isdigit() or len(lengths[0]) > 15:
            raise Malformed(400)
        head.length = int(lengths[0])
    return head


def is_life_sign(head: Head) -> bool:
    """Whether it asks for `/healthz` and brings no body: chunks that nobody reads would be taken for the next
    request."""
    return head.path == "/healthz" and head.method in ("GET", "HEAD") and not (head.length or head.chunked)


@dataclass(slots=True)
class Chunks:
    """Follows a chunked body from `at` on without keeping it; `end` is where it ends in the buffer, once it does."""

    at: int
    end: int = -1
    count: int = 0
    trailers: bool = False

    def follow(self, buffer: bytearray) -> None:
        """Looks on from where it stopped.

        Raises:
            Malformed: 400, a chunk without a size, or a body in so many crumbs that only following it is work.
        """
        while self.end < 0:
            stop = buffer.find(b"\r\n", self.at, self.at + _MOST_LINE)
            if stop < 0:
                if len(buffer) - self.at >= _MOST_LINE:
                    raise Malformed(400)
                return
            line, after = bytes(buffer[self.at : stop]), stop + 2
            if not self.trailers:
                size = _size(line)
                self.trailers = size == 0
                after += size + 2 if size else 0
                if after > len(buffer):
                    return
                self.count += 1
                if self.count > _FREE_CHUNKS + after // _LEAST_CHUNK:
                    raise Malformed(400)
            elif not line:
                self.end = after
            self.at = after


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not 0 < len(digits) <= 8 or not all(sign in b"0123456789abcdefABCDEF" for sign in digits):
        raise Malformed(400)
    return int(digits, 16)
