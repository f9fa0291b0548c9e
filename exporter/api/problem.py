"""Problems: what machines are told when something is wrong (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from django.http import HttpResponse


def problem(status: int, detail: str, **headers: str) -> HttpResponse:
    """An answer with `type`, `title`, `status` and `detail`, a sentence that says what to do. Header names
    are given with underscores: `Retry_After="2"`."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    answer = HttpResponse(msgspec.json.encode(body), status=status, content_type="application/problem+json")
    for name, value in headers.items():
        answer[name.replace("_", "-")] = value
    return answer
