"""Languages: a page speaks the language of the person's profile, else of the switch last used in this browser, else the
one the browser asks for.

Programs are answered in English: what is below `/api/` is read by machines and by whoever reads their logs.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

OF_MACHINES = ("/api/", "/metrics", "/healthz", "/readyz")


def in_language(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; it stands behind the one that knows the person."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(OF_MACHINES):
            with translation.override(settings.LANGUAGE_CODE):
                return get_response(request)
        language = wanted(request)
        with translation.override(language):
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return respond


def wanted(request: HttpRequest) -> str:
    """The language of this request, always one that is offered."""
    # Who has no session is nobody, and is not looked up.
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        chosen: str = getattr(request.user, "language", "")
        if offered(chosen):
            return chosen
    return translation.get_language_from_request(request)


def offered(code: str) -> bool:
    return code in dict(settings.LANGUAGES)


def of_person(code: str) -> str:
    """The language to write to somebody in, where they chose `code`."""
    return code if offered(code) else settings.LANGUAGE_CODE
