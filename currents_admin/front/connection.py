"""One client's connection: what arrived of its request, what is still to be sent of the answer."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from enum import Enum
from io import BytesIO
from typing import Any

from gunicorn.config import Config
from gunicorn.http.body import LengthReader
from gunicorn.http.parser import RequestParser

from currents_admin.front.framing import MOST_HEAD, Chunks, Head
from currents_admin.front.limits import READ_BYTES

# An answer beyond this waits for its reader in the thread that makes it, and no longer than that.
_MOST_UNSENT = 4_000_000
_SEND_SECONDS = 10.0


def accept(listener: socket.socket) -> tuple[socket.socket, Any] | None:
    """The next client's socket and address, or None where nobody waits (any more)."""
    try:
        return listener.accept()
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED):
            return None
        raise


class Phase(Enum):
    """What a connection waits for."""

    IDLE = "the first byte of a request"
    HEAD = "the rest of a head"
    CHECK = "whether its token may send a large body"
    BODY = "the rest of a body"
    WORK = "the application's answer"
    CLOSING = "the client to take the rest of the answer and go"


class _Whole:
    """A whole request as the source gunicorn's parser reads: its head at once; after the body comes an end, never a
    wait."""

    def __init__(self, raw: bytearray, body_at: int) -> None:
        self._view, self._head = memoryview(raw), body_at

    def recv(self, size: int) -> bytes:
        size, self._head = self._head or size, 0
        piece, self._view = bytes(self._view[:size]), self._view[size:]
        return piece


class _OneRequest(RequestParser):  # type: ignore[misc]
    """gunicorn's parser of one request. A body of known length is handed over as it lies here: through the parser's
    own buffers a large one would be copied half a dozen times."""

    def __init__(self, cfg: Config, raw: bytearray, body_at: int, client: Any) -> None:
        super().__init__(cfg, _Whole(raw, body_at), client)
        self._body = memoryview(raw)[body_at:]

    def __next__(self) -> Any:
        request = super().__next__()
        reader = request.body.reader
        if isinstance(reader, LengthReader):
            request.body = BytesIO(self._body[: reader.length])
        return request

    next = __next__


class ClientConnection:
    """Used by the loop's thread, but for `sendall`, which the thread that answers calls.

    The attributes without a comment are those gunicorn's own connection has and its `handle` reads.
    """

    initialized, is_http2, data_ready = True, False, True

    def __init__(self, cfg: Config, line: socket.socket, client: Any, server: Any) -> None:
        self.cfg, self.line, self.client, self.server = cfg, line, client, server
        self.sock: ClientConnection = self
        self.parser: Any = None
        self.phase, self.deadline = Phase.IDLE, 0.0
        # When the first byte of the request came.
        self.began = time.monotonic()
        self.buffer, self.whole = bytearray(), bytearray()
        self.head: Head | None = None
        self.body_at, self.chunks = 0, Chunks(0)
        self.reserved, self.room = 0, (False, "")
        self.watched = 0
        self.closed = self.ended = False
        self.unsent = bytearray()
        self.changed = threading.Condition()
        self.want_to_send: Callable[[ClientConnection], None] = lambda _: None
        self.when_ready: Callable[[Any], None] = lambda _: None
        line.setblocking(False)

    def init(self) -> None:
        """gunicorn would shake hands here."""

    def take(self, end: int) -> None:
        """The first `end` bytes are the whole request; what a client sent beyond them is its next one."""
        self.whole, self.buffer = self.buffer, self.buffer[end:]
        del self.whole[end:]

    def let_go(self) -> None:
        """Of the request that was answered: a connection that waits for the next one holds nothing of it."""
        self.whole, self.parser = bytearray(), None

    def parse(self) -> None:
        """The whole request as gunicorn reads it."""
        self.parser = _OneRequest(self.cfg, self.whole, self.body_at, self.client)

    def wanted(self) -> int:
        """How many bytes to take at once: what is sent beyond this request stays with the system, whose memory for a
        connection is bounded."""
        if self.phase in (Phase.IDLE, Phase.HEAD):
            return max(1, MOST_HEAD - len(self.buffer))
        if self.phase is Phase.BODY and self.head is not None and not self.head.chunked:
            return max(1, min(READ_BYTES, self.body_at + self.head.length - len(self.buffer)))
        return READ_BYTES

    # --- What gunicorn takes for a socket ---------------------------------------------------------------------
    def sendall(self, data: bytes) -> None:
        """Raises:
        OSError: the client is gone, or too slow for an answer of this size.
        """
        with self.changed:
            if not self.unsent:
                data = data[self._send(data) :]
            self.unsent += data
        if not data:
            return
        self.want_to_send(self)
        with self.changed:
            if not self.changed.wait_for(self._has_room, _SEND_SECONDS):
                self.closed = True
            if self.closed:
                raise OSError(errno.EPIPE, "The client does not take its answer.")

    def send(self, data: bytes) -> int:
        """Only for gunicorn's `100 Continue`, which the front has sent already."""
        return len(data)

    def setblocking(self, _blocking: bool) -> None:
        """It never blocks."""

    def settimeout(self, _seconds: float | None) -> None:
        """Nor has it a time-out: the loop counts."""

    def gettimeout(self) -> float:
        return 0.0

    def shutdown(self, _how: int) -> None:
        """The loop ends connections."""

    def recv(self, _size: int) -> bytes:
        return b""

    def close(self, graceful: bool = False) -> None:
        """The loop ends connections."""

    # ----------------------------------------------------------------------------------------------------------
    def hang_up(self) -> bool:
        """Says that no more will be sent; answers whether somebody is still there to hear it."""
        try:
            self.line.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def flush(self) -> bool:
        """Sends on; answers whether all is sent (or never will be)."""
        with self.changed:
            if self.unsent and not self.closed:
                try:
                    del self.unsent[: self._send(bytes(self.unsent[:262_144]))]
                except OSError:
                    self.closed = True
            self.changed.notify_all()
            return self.closed or not self.unsent

    def _send(self, data: bytes) -> int:
        try:
            return self.line.send(data)
        except BlockingIOError:
            return 0

    def _has_room(self) -> bool:
        return self.closed or len(self.unsent) < _MOST_UNSENT

    def within(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
