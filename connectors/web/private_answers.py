"""What signed-in people see is kept by no cache, and signing out takes along what a browser kept. A session that ran
out leaves the drafts of its forms to who signs in again; they hold no key."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


def kept_by_nobody(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; below the one that says who it is."""

    def private(request: HttpRequest) -> HttpResponseBase:
        was_in = request.user.is_authenticated
        answer = get_response(request)
        if was_in or request.user.is_authenticated:
            answer["Cache-Control"] = "no-store"
        if was_in and not request.user.is_authenticated:
            ran_out = getattr(request, "session_ran_out", False)
            answer["Clear-Site-Data"] = '"cache"' if ran_out else '"cache", "storage"'
        return answer

    return private
