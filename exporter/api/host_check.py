"""The Host header: a program that asks the API under a name this server does not go by is told so as a problem, in
place of the page that people get. Life signs and metrics answer under any name: who asks knows the address only."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase

from exporter.api.problem import problem
from exporter.api.request_body import RequestBody

_UNDER_ANY_NAME = ("/healthz", "/readyz", "/metrics")
_SENTENCE = "This server does not go by the name in the Host header. ALLOWED_HOSTS lists its names."


def refuse(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; stands before all that ask for the host."""

    def guarded(request: HttpRequest) -> HttpResponseBase:
        if request.path_info in _UNDER_ANY_NAME:
            # What they answer does not depend on it, and Django asks on the way to every page.
            request.get_host = lambda: "127.0.0.1"  # type: ignore[method-assign]
        elif request.path_info.startswith("/api/"):
            try:
                request.get_host()
            except DisallowedHost:
                RequestBody(request.META).discard()
                return problem(400, _SENTENCE)
        return get_response(request)

    return guarded
