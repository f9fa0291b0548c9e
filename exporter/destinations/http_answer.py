"""Reading one HTTP/1.1 answer from a connection (RFC 9112). Pure: the bytes come from a function.

Written by hand because the standard library's reader takes an interim answer for the final one, gives up at more than
100 headers or at a long line (an accepted request would be sent again for ever), and costs more than all the rest of a
small request. The status line decides; whatever is odd behind it only means that the connection is not used again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

# All heads of one answer, interim ones included; and its body. What is beyond is not read.
MOST_HEAD_BYTES = 64_000
MOST_BODY_BYTES = 64_000
_AT_ONCE = 16_384

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\n]*)?\r?\n")
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
# The same length given twice is still a length (RFC 9110, 8.6).
_LENGTH = re.compile(r"([0-9]{1,18})(?:, \1)*", re.ASCII)
_NO_BODY = (204, 304)
_SWITCHING_PROTOCOLS = 101

NO_ANSWER = gettext_noop("connection closed without an answer")
NOT_HTTP = "the answer is not HTTP"
ENDLESS_INTERIM = "only interim answers came"
HEAD_TOO_LONG = f"the answer's headers are longer than {MOST_HEAD_BYTES:,} bytes; the rest was not read"

# Returns the next bytes, none at the end of the connection; raises OSError if it breaks.
Receive = Callable[[int], bytes]


class Broken(Exception):
    """What came is not an answer; the message is a plain name for the fault."""


@dataclass(slots=True)
class HttpAnswer:
    """`headers` have lower-cased names. `reusable`: the answer was read whole and nothing came after it, so the
    connection may carry another request. `remark` tells what was left unread, if it matters."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reusable: bool = False
    remark: str = ""


class AnswerReader:
    """Reads one answer. What was `received` already is its beginning; `buffer` holds what was not used yet."""

    def __init__(self, receive: Receive, received: bytes = b"") -> None:
        self._receive = receive
        self._buffer = bytearray(received)
        self._ended = False

    def read(self) -> HttpAnswer:
        """The final answer; interim ones (1xx) before it are read past.

        Raises:
            Broken: the connection ended before a status line, or what came is not HTTP.
            OSError: the connection broke before a status line was complete.
        """
        answer, version = self.read_head()
        if answer.remark or answer.status == _SWITCHING_PROTOCOLS:
            return answer
        try:
            complete = self._read_body(answer)
        except OSError:
            complete = False
        kept = version == 1 and "close" not in answer.headers.get("connection", "").lower()
        answer.reusable = complete and kept and not self._buffer and not self._ended
        return answer

    def read_head(self) -> tuple[HttpAnswer, int]:
        """Status and headers of the final answer, and its minor HTTP version. Raises as `read` does."""
        left = MOST_HEAD_BYTES
        while True:
            end = self._head_end(left)
            line = _STATUS_LINE.match(self._buffer)
            if line is None:
                raise Broken(NO_ANSWER if self._ended and not self._buffer else NOT_HTTP)
            status, version = int(line[2]), int(line[1])
            if status < 200 and status != _SWITCHING_PROTOCOLS:
                if end is None:
                    raise Broken(NO_ANSWER if self._ended else ENDLESS_INTERIM)
                del self._buffer[:end]
                left -= end
                continue
            answer = HttpAnswer(status, _headers(self._buffer[line.end() : end]))
            if end is None:
                answer.remark = "" if self._ended else HEAD_TOO_LONG
                self._ended = True
            del self._buffer[: len(self._buffer) if end is None else end]
            return answer, version

    def _head_end(self, most: int) -> int | None:
        """Where the head at the buffer's beginning ends; None if it is longer than `most` or incomplete."""
        looked = 0
        while True:
            found = _HEAD_ENDS.search(self._buffer, max(0, looked - 3))
            if found is not None and found.end() <= most:
                return found.end()
            looked = len(self._buffer)
            if looked >= most:
                return None
            try:
                more = self._more()
            except OSError:
                if _STATUS_LINE.match(self._buffer) is None:
                    raise
                self._ended = True
                return None
            if not more:
                return None

    def _more(self) -> bool:
        if self._ended:
            return False
        received = self._receive(_AT_ONCE)
        self._buffer += received
        self._ended = not received
        return bool(received)

    def _read_body(self, answer: HttpAnswer) -> bool:
        """Reads up to 64 kB of the body and returns whether it was complete."""
        headers = answer.headers
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if answer.status in _NO_BODY:
            return coding is None and length in (None, "0")
        if coding is not None:
            # Two lengths or an unknown coding: the end of the body cannot be known, so it is not waited for.
            whole = coding.lower() == "chunked" and length is None and self._chunks(answer)
        elif length is None:
            whole = self._until_end(answer)
        else:
            said = _LENGTH.fullmatch(length)
            whole = said is not None and self._counted(answer, int(said[1]))
        if headers.get("content-encoding", "").strip().lower() == "gzip":
            answer.body = _unzipped(answer.body)
        return whole

    def _until_end(self, answer: HttpAnswer) -> bool:
        """A body that only the end of the connection ends; never one after which it could be used again."""
        try:
            while len(self._buffer) < MOST_BODY_BYTES and self._more():
                pass
        finally:
            answer.body = bytes(self._buffer[:MOST_BODY_BYTES])
        return False

    def _counted(self, answer: HttpAnswer, length: int) -> bool:
        wanted = min(length, MOST_BODY_BYTES)
        try:
            complete = self._fill(wanted)
        finally:
            answer.body = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        return complete and wanted == length

    def _chunks(self, answer: HttpAnswer) -> bool:
        body = bytearray()
        try:
            while True:
                size = self._chunk_size()
                if size is None:
                    return False
                if size == 0:
                    return self._trailers()
                wanted = min(size, MOST_BODY_BYTES - len(body))
                complete = self._fill(wanted)
                body += self._buffer[:wanted]
                del self._buffer[:wanted]
                if not complete or wanted < size or not self._fill(2) or not self._take_line_end():
                    return False
        finally:
            answer.body = bytes(body)

    def _chunk_size(self) -> int | None:
        while (line := _CHUNK_LINE.match(self._buffer)) is None:
            if b"\n" in self._buffer or len(self._buffer) > _AT_ONCE or not self._more():
                return None
        # Told before the buffer moves: a match reads its groups from where they stood.
        size = int(line[1], 16)
        del self._buffer[: line.end()]
        return size

    def _take_line_end(self) -> bool:
        found = self._buffer.startswith(b"\r\n")
        del self._buffer[:2]
        return found

    def _trailers(self) -> bool:
        """Only the plain end `\\r\\n` is worth a second request on the connection."""
        return self._fill(2) and self._take_line_end()

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            if not self._more():
                return False
        return True


def _headers(head: bytes | bytearray) -> dict[str, str]:
    """By lower-cased name; values of a repeated one are joined by commas, as RFC 9110 (5.3) allows."""
    headers: dict[str, str] = {}
    for line in bytes(head).decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name and name == name.strip():
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _unzipped(body: bytes) -> bytes:
    """We ask for no encoding; an answer that is compressed all the same is decoded within bounds, or left as it is."""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body, MOST_BODY_BYTES)
    except zlib.error:
        return body
