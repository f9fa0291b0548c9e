"""Problems: what machines are told when something is wrong (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"


def content(status: int, detail: str) -> bytes:
    """A body of `type`, `title`, `status` and `detail`, a sentence that says what to do."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return msgspec.json.encode(body)


def problem(status: int, detail: str, **headers: str) -> HttpResponse:
    """The answer with that body. Header names are given with underscores: `Retry_After="2"`."""
    answer = HttpResponse(content(status, detail), status=status, content_type=CONTENT_TYPE)
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    return answer
