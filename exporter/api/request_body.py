"""A request's body, read and decompressed within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

MOST_ON_WIRE = 10_000_000
MOST_EXPANDED = 32_000_000
_MOST_DISCARDED = 64_000_000
_PIECE = 65_536
_MOST_MEMBERS = 100
_FREE_EXPANDED, _MOST_RATIO = 1_000_000, 100
_GZIP = 16 + zlib.MAX_WBITS


class BodyRefused(Exception):
    """The body cannot be accepted: `status` and a sentence that says what to do."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class RequestBody:
    """The body of one request as the WSGI server hands it over. It is read from the server's own stream and by its own
    count, so it means the same behind every server, and before Django has looked at the request."""

    __slots__ = ("_chunked", "_encoding", "_ends_by_itself", "_read_so_far", "_source", "_stated")

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._source = environ["wsgi.input"]
        self._stated = str(environ.get("CONTENT_LENGTH") or "0")
        self._encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        self._chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        self._ends_by_itself = bool(environ.get("wsgi.input_terminated"))
        self._read_so_far = 0

    def read(self) -> bytes:
        """The body as the sender wrote it, decompressed; at most 10 MB on the wire and 32 MB after.

        Raises:
            BodyRefused: with 400, 411, 413 or 415.
        """
        if self._encoding not in ("", "identity", "gzip", "x-gzip"):
            raise BodyRefused(
                415, "This Content-Encoding is not understood. Send the body plain or with gzip."
            )
        raw = self._read_chunked() if self._chunked else self._read_sized()
        return _expand(raw) if "gzip" in self._encoding and raw else raw

    def discard(self) -> None:
        """Reads away what is left. A server that closes on unread bytes resets the connection, and the sender may never
        see why it was refused; so the answer follows the body, up to a bound."""
        if self._chunked:
            left = _MOST_DISCARDED if self._ends_by_itself else 0
        else:
            left = min(self._length() or 0, _MOST_DISCARDED) - self._read_so_far
        try:
            while left > 0 and (piece := self._source.read(min(left, _PIECE))):
                left -= len(piece)
        except Exception:
            # It broke off: nobody waits for the answer.
            return

    def _length(self) -> int | None:
        """The Content-Length, None where it is no number."""
        if not (self._stated.isascii() and self._stated.isdigit()):
            return None
        # Python takes its time over thousands of digits.
        return int(self._stated) if len(self._stated) <= 12 else 10**12

    def _read_sized(self) -> bytes:
        length = self._length()
        if length is None:
            raise BodyRefused(400, "The Content-Length is not a number.")
        if length > MOST_ON_WIRE:
            raise BodyRefused(413, _too_large())
        raw = self._read(length)
        if len(raw) < length:
            raise BodyRefused(
                400, "The body is shorter than its Content-Length: it broke off on the way. Send it again."
            )
        return raw

    def _read_chunked(self) -> bytes:
        """A chunked body has no length. Read by its length it would be an empty body, which is answered like a probe:
        its events would be acknowledged and lost."""
        if not self._ends_by_itself:
            raise BodyRefused(411, "This server needs a Content-Length. Send the body without chunks.")
        raw = self._read(MOST_ON_WIRE + 1)
        if len(raw) > MOST_ON_WIRE:
            raise BodyRefused(413, _too_large())
        return raw

    def _read(self, most: int) -> bytes:
        pieces: list[bytes] = []
        left = most
        try:
            while left and (piece := self._source.read(left)):
                pieces.append(piece)
                left -= len(piece)
        except Exception:
            # Each web server has errors of its own for a body that breaks off.
            raise BodyRefused(400, "The body broke off on the way. Send it again.") from None
        finally:
            self._read_so_far = most - left
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _expand(raw: bytes) -> bytes:
    """All members of a gzip stream, never more than the limit and one byte. What a body may become depends on what was
    sent: real events pack to a tenth, and work on more than that would cost its sender nothing."""
    parts: list[bytes] = []
    most = min(MOST_EXPANDED, max(_FREE_EXPANDED, _MOST_RATIO * len(raw)))
    left = most + 1
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(raw, left)
        except zlib.error:
            raise BodyRefused(
                400, "The body is not valid gzip, as its Content-Encoding says. Send it again."
            ) from None
        parts.append(part)
        left -= len(part)
        if left <= 0:
            raise BodyRefused(
                413,
                f"The body holds more than {most:,} bytes unpacked, {_MOST_RATIO} for each byte sent or "
                f"{MOST_EXPANDED:,} at most. Send it in several requests.",
            )
        if not member.eof:
            raise BodyRefused(400, "The gzip data ends too early: it broke off on the way. Send it again.")
        raw = member.unused_data.lstrip(b"\0")
        if not raw:
            return b"".join(parts)
    raise BodyRefused(400, "The body consists of too many gzip pieces. Compress it as one.")


def _too_large() -> str:
    return f"The body has more than {MOST_ON_WIRE:,} bytes. Send it in several requests."
