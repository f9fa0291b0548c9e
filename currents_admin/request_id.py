"""A request's id: taken from `X-Request-ID`, or made; it stands in the answer and in every line about the request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from structlog.contextvars import bind_contextvars

# What proxies make; anything else would bring a stranger's text into the log.
_PLAIN = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}").fullmatch

_Environ = dict[str, Any]
_Application = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]


def around(application: _Application) -> _Application:
    """The application, each of whose requests has an id."""

    def serve(environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _PLAIN(given) else secrets.token_hex(8)
        # A thread's next request has its own.
        bind_contextvars(request=request_id)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("X-Request-ID", request_id)], *more)

        return application(environ, start)

    return serve
