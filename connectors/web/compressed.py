"""Pages are compressed, polls too: a page of 40 kB becomes one of 7.

BREACH reads a secret out of compressed answers by their length, if an attacker can put text of their own beside it and
have many answers made. So a secret beside such text must differ in each answer: the form tokens do (Django masks them
anew), and Django's middleware adds up to a hundred random bytes. What cannot be masked is not compressed: pages of the
account (recovery codes, an app's secret), a secret shown once, and personal data beside what the address asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

Answer = TypeVar("Answer", bound=HttpResponseBase)
_MARK = "holds_a_secret"


def left_plain(answer: Answer) -> Answer:
    """Marks an answer that holds what compression would give away."""
    setattr(answer, _MARK, True)
    return answer


def html_compressed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; HTML alone. Answers for machines stay as they are, static files are compressed already."""
    gzip = GZipMiddleware(get_response)

    def respond(request: HttpRequest) -> HttpResponseBase:
        answer = get_response(request)
        is_html = answer.get("Content-Type", "").startswith("text/html")
        if not is_html or getattr(answer, _MARK, False) or request.path.startswith("/accounts/"):
            return answer
        packed: HttpResponseBase = gzip.process_response(request, answer)
        return packed

    return respond
