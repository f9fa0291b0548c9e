"""The wire: a request's body, read and expanded within bounds."""

from __future__ import annotations

import zlib

from django.http import HttpRequest

MOST_ON_WIRE = 10_000_000
MOST_EXPANDED = 32_000_000
_MOST_DISCARDED = 64_000_000
_PIECE = 65_536
_MOST_MEMBERS = 100
_GZIP = 16 + zlib.MAX_WBITS


class Refused(Exception):
    """The body cannot be taken: `status` and a sentence that says what to do."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_body(request: HttpRequest) -> bytes:
    """The body as the sender wrote it, decompressed; at most 10 MB on the wire and 32 MB after.

    Raises:
        Refused: with 400, 411, 413 or 415.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise Refused(415, "This Content-Encoding is not understood. Send the body plain or with gzip.")
    raw = (
        _chunked(request)
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        else _sized(request)
    )
    return _expand(raw) if "gzip" in encoding and raw else raw


def discard(request: HttpRequest) -> None:
    """Reads away what is left of the body. A server that closes on unread bytes resets the connection, and
    the sender may never see why it was refused; so the answer follows the body, up to a bound."""
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    source = request.META.get("wsgi.input") if is_chunked else request
    if source is None or (is_chunked and not request.META.get("wsgi.input_terminated")):
        return
    left = _MOST_DISCARDED
    try:
        while left > 0 and (piece := source.read(_PIECE)):
            left -= len(piece)
    except Exception:
        # It broke off: nobody waits for the answer.
        return


def _sized(request: HttpRequest) -> bytes:
    stated = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (stated.isascii() and stated.isdigit()):
        raise Refused(400, "The Content-Length is not a number.")
    if len(stated) > 12 or int(stated) > MOST_ON_WIRE:
        raise Refused(413, _too_large())
    raw = _read(request, int(stated))
    if len(raw) < int(stated):
        raise Refused(
            400, "The body is shorter than its Content-Length: it broke off on the way. Send it again."
        )
    return raw


def _chunked(request: HttpRequest) -> bytes:
    """A chunked body has no length. Django then reads nothing at all, and an empty body would be answered
    like a probe: its events would be acknowledged and lost."""
    if not request.META.get("wsgi.input_terminated"):
        raise Refused(411, "This server needs a Content-Length. Send the body without chunks.")
    raw = _read(request.META["wsgi.input"], MOST_ON_WIRE + 1)
    if len(raw) > MOST_ON_WIRE:
        raise Refused(413, _too_large())
    return raw


def _read(source: object, most: int) -> bytes:
    pieces: list[bytes] = []
    left = most
    try:
        while left and (piece := source.read(left)):  # type: ignore[attr-defined]
            pieces.append(piece)
            left -= len(piece)
    except Exception:
        # Each web server has errors of its own for a body that breaks off.
        raise Refused(400, "The body broke off on the way. Send it again.") from None
    return b"".join(pieces)


def _expand(raw: bytes) -> bytes:
    """All members of a gzip stream, never more than the limit and one byte."""
    parts: list[bytes] = []
    left = MOST_EXPANDED + 1
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(raw, left)
        except zlib.error:
            raise Refused(
                400, "The body is not valid gzip, as its Content-Encoding says. Send it again."
            ) from None
        parts.append(part)
        left -= len(part)
        if left <= 0:
            raise Refused(
                413,
                f"The body holds more than {MOST_EXPANDED:,} bytes unpacked. Send it in several requests.",
            )
        if not member.eof:
            raise Refused(400, "The gzip data ends too early: it broke off on the way. Send it again.")
        raw = member.unused_data.lstrip(b"\0")
        if not raw:
            return b"".join(parts)
    raise Refused(400, "The body consists of too many gzip pieces. Compress it as one.")


def _too_large() -> str:
    return f"The body has more than {MOST_ON_WIRE:,} bytes. Send it in several requests."
