"""Strange hosts: a program that asks the API under a name this server does not go by is told so as a problem, in
place of the page that people get."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase

from exporter.api.problem import problem
from exporter.api.request_body import RequestBody

_SENTENCE = "This server does not go by the name in the Host header. ALLOWED_HOSTS lists its names."


def refuse(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; stands before all that ask for the host."""

    def guarded(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/api/"):
            try:
                request.get_host()
            except DisallowedHost:
                RequestBody(request.META).discard()
                return problem(400, _SENTENCE)
        return get_response(request)

    return guarded
