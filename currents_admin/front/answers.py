"""What the front says itself, without the application: that it lives, and why it takes no request."""

from __future__ import annotations

import json
from http import HTTPStatus

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SENTENCES = {
    400: "This is no request as HTTP/1.1 describes one.",
    401: "This token is unknown or was revoked. Create a new one in the workspace's settings.",
    408: "The request did not arrive in time. Send it again.",
    413: "The body has more than 10,000,000 bytes (1,000,000 for a form). Send it in several requests.",
    414: "The address of the request is too long.",
    417: "Of what a request may expect, only 100-continue is known here.",
    431: "The head of the request is too large.",
    500: "Something went wrong here. Send the same again.",
    501: "Of the transfer codings, only chunked is known here.",
    503: "More is arriving than there is room for. Send the same again.",
}
_MORE = {401: "WWW-Authenticate: Bearer\r\n", 503: "Retry-After: 2\r\n"}


def alive(method: str) -> bytes:
    """The answer of `/healthz`: this process has a loop that turns."""
    body = "" if method == "HEAD" else "ok\n"
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n{body}".encode()


def refusal(status: int) -> bytes:
    """A problem (RFC 9457), after which the connection ends."""
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": SENTENCES[status]})
    return (
        f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\n{_MORE.get(status, '')}"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()
