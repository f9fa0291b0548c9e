"""Scrub: what a destination answers is kept only without what we sent it. Some repeat a request in their refusal, with
its key and its people. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

HIDDEN = "•••"
_MOST = 500
# A piece of our own request: what follows is what we sent.
_ECHO = re.compile(r'"(?:batch|messageId|userId|anonymousId|properties|traits|context)"\s*:', re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s\"'<>,;:()\[\]{}]+@[^\s\"'<>,;:()\[\]{}]+")
_NUMBER = re.compile(r"\+?\d(?:[ ().-]?\d){8,}")
_LEAST_SECRET = 6


def scrubbed(body: bytes, authorization: bytes) -> str:
    """The beginning of an answer for people to read: without the key of the request in any spelling, without what
    repeats the request, without addresses and telephone numbers."""
    # Cut late: a key at the edge would be kept by half.
    text = body[: 8 * _MOST].decode(errors="replace")
    for secret in _spellings(authorization):
        text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
    echo = _ECHO.search(text)
    if echo is not None:
        text = f"{text[: echo.start()]}{HIDDEN}"
    return _NUMBER.sub(HIDDEN, _ADDRESS.sub(HIDDEN, text))[:_MOST]


# What tells somebody why, when to come again, and whom to ask; nothing of what was sent comes back in these.
_TELLING = (
    "content-type",
    "date",
    "retry-after",
    "server",
    "via",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)
_MOST_HEAD = 300


def kept(headers: Mapping[str, str], body: bytes, authorization: bytes) -> str:
    """An answer as it is stored: its telling headers, an empty line, the beginning of its body, all scrubbed."""
    lines = "\r\n".join(f"{name}: {headers[name][:100]}" for name in _TELLING if name in headers)
    head = scrubbed(lines.encode("utf-8", "replace"), authorization)[:_MOST_HEAD]
    return f"{head}\r\n\r\n{scrubbed(body, authorization)}"[:_MOST]


def parts(excerpt: str) -> tuple[str, str]:
    """The headers, and the beginning of the body, of what was stored."""
    head, found, body = excerpt.partition("\r\n\r\n")
    return (head, body) if found else ("", excerpt)


def _spellings(authorization: bytes) -> list[str]:
    """The header, its Base64, and the key in it, longest first."""
    told = authorization.decode("latin-1").partition(" ")[2].strip() or authorization.decode("latin-1")
    found = {told, told.rstrip("=")}
    try:
        key = base64.b64decode(told, validate=True).decode("latin-1").partition(":")[0]
    except (binascii.Error, ValueError):
        key = ""
    if key:
        plain = key.encode("latin-1")
        found |= {key, plain.hex(), base64.b64encode(plain).decode().rstrip("=")}
    return sorted((one for one in found if len(one) >= _LEAST_SECRET), key=len, reverse=True)
