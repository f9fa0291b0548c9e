"""Reading a request's body, bounded on the wire and after decompression."""

import zlib
from email.message import Message
from io import BufferedIOBase

from exporter.sandbox.offer import BODY_BYTES, SandboxRefusal

DRAINED_BYTES = 64 * 1024 * 1024


class BodyRefusedError(Exception):
    """The body was not taken. `whole`: it was read to its end, so the connection can go on."""

    def __init__(self, refusal: SandboxRefusal, size: int, *, whole: bool) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.size = size
        self.whole = whole


def read_body(headers: Message, stream: BufferedIOBase) -> bytes:
    """The body, decompressed if it is gzip.

    Raises `BodyRefusedError`, and `ConnectionAbortedError` when the client vanishes in the middle.
    """
    if headers.get("Transfer-Encoding"):
        raise BodyRefusedError(
            SandboxRefusal(411, "length_required", "Send a Content-Length."), 0, whole=False
        )
    text = headers.get("Content-Length", "0").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BodyRefusedError(
            SandboxRefusal(400, "bad_length", "Content-Length is not a number."), 0, whole=False
        )
    length = int(text)
    if length > BODY_BYTES:
        raise BodyRefusedError(_too_large(), length, whole=_drained(stream, length))
    body = stream.read(length)
    if len(body) < length:
        raise ConnectionAbortedError("the client vanished")
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise BodyRefusedError(
            SandboxRefusal(400, "bad_encoding", "Only gzip is understood."), length, whole=True
        )
    return _inflated(body)


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(body, BODY_BYTES + 1)
    except zlib.error:
        inflated = b""
    if len(inflated) > BODY_BYTES:
        raise BodyRefusedError(_too_large(), len(inflated), whole=True)
    if not inflater.eof:
        raise BodyRefusedError(
            SandboxRefusal(400, "bad_encoding", "The body is not whole gzip."), len(body), whole=True
        )
    return inflated


def _too_large() -> SandboxRefusal:
    return SandboxRefusal(400, "too_large", f"The body has more than {BODY_BYTES} bytes.")


def _drained(stream: BufferedIOBase, length: int) -> bool:
    """Read a body to its end and forget it: closing on a client that still sends takes its answer away."""
    left = min(length, DRAINED_BYTES)
    while left:
        piece = stream.read(min(left, 65_536))
        if not piece:
            raise ConnectionAbortedError("the client vanished")
        left -= len(piece)
    return length <= DRAINED_BYTES
