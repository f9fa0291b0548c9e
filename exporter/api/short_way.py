"""The short cut to the intake: an ordinary request with events bypasses Django's request, middleware and URLs, which
cost more than storing an event does. It is recognised before anything of it is read; anything unusual (another host,
scheme or address) takes the long way and is answered by the middleware as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection

from exporter.api.events import IntakeAnswer, take

ADDRESS = "/api/v1/events"

_Environ = dict[str, Any]
_Application = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]
# The headers the middleware would send to a program; there is nothing to frame, run or refer from.
_SAFETY = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
]
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def before(application: _Application) -> _Application:
    """The application with the short cut in front of it."""
    safety = [*_SAFETY, *_strict_transport()]

    def serve(environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_plain(environ):
            return application(environ, start_response)
        # Django does this at the beginning of a request, which the short cut bypasses.
        connection.close_if_unusable_or_obsolete()
        answer = take(environ)
        start_response(_STATUS[answer.status], _headers(answer, safety))
        return [answer.content]

    return serve


def _is_plain(environ: _Environ) -> bool:
    return environ.get("PATH_INFO") == ADDRESS and _is_welcome(
        environ.get("HTTP_HOST", ""), environ["wsgi.url_scheme"], _forwarded_scheme(environ)
    )


def _forwarded_scheme(environ: _Environ) -> str:
    """The scheme a proxy says it was asked over; empty if no proxy is trusted."""
    believed = settings.SECURE_PROXY_SSL_HEADER
    return str(environ.get(believed[0], "")) if believed else ""


@lru_cache(maxsize=256)
def _is_welcome(host: str, scheme: str, forwarded_scheme: str) -> bool:
    """Whether the middleware would let such a request through: asked of Django, which knows its own rules, once."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": ADDRESS,
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "HTTP_HOST": host,
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO(),
    }
    if believed := settings.SECURE_PROXY_SSL_HEADER:
        environ[believed[0]] = forwarded_scheme
    request = WSGIRequest(environ)
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return request.is_secure() or not settings.SECURE_SSL_REDIRECT


def _strict_transport() -> list[tuple[str, str]]:
    if not settings.SECURE_HSTS_SECONDS:
        return []
    words = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    words += ["includeSubDomains"] * settings.SECURE_HSTS_INCLUDE_SUBDOMAINS
    words += ["preload"] * settings.SECURE_HSTS_PRELOAD
    return [("Strict-Transport-Security", "; ".join(words))]


def _headers(answer: IntakeAnswer, safety: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*answer.headers, ("Content-Length", str(len(answer.content))), *safety]
