"""Pace: how often one person may ask for what costs much, so that one script does not take the pages from everybody.

Counted in the database, for all web processes together, in one statement.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from connectors.web.request_helpers import is_partial

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
TOO_MANY = 429


class CostlyKind(StrEnum):
    """What is counted together."""

    SEARCH = "search"
    FILE = "file"
    OUTSIDE = "outside"  # somebody else's server is asked, which holds a thread for up to 20 s


# A search that goes on by itself asks about 130 times a minute.
PER_MINUTE = {CostlyKind.SEARCH: 300, CostlyKind.FILE: 30, CostlyKind.OUTSIDE: 20}

_COUNT = """
INSERT INTO connectors_pace AS known (user_id, kind, count, began_at)
VALUES (%(user)s, %(kind)s, 1, statement_timestamp())
ON CONFLICT (user_id, kind) DO UPDATE SET
    count = CASE WHEN known.began_at > excluded.began_at - interval '1 minute' THEN known.count + 1 ELSE 1 END,
    began_at = CASE WHEN known.began_at > excluded.began_at - interval '1 minute' THEN known.began_at
                    ELSE excluded.began_at END
RETURNING count, ceil(extract(epoch FROM began_at + interval '1 minute' - statement_timestamp()))
"""


def at_most(kind: CostlyKind) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Lets a signed-in person ask `PER_MINUTE` times; more is answered 429 until the minute is over. Belongs below
    what asks who it is."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def counted(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            count, seconds = _count(request.user.pk, kind)
            if count > PER_MINUTE[kind]:
                return _too_many(request, seconds)
            return view(request, *args, **kwargs)

        return counted

    return decorate


def _count(user_id: int | None, kind: CostlyKind) -> tuple[int, int]:
    """How often, this time included, and the seconds until the minute is over."""
    with connection.cursor() as sql:
        sql.execute(_COUNT, {"user": user_id, "kind": kind.value})
        count, seconds = sql.fetchone()
    return count, max(1, int(seconds))


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """A page; for htmx a note in the place of what it asked for."""
    template = "connectors/too_many.html" if is_partial(request) else "429.html"
    answer = render(request, template, {"of_person": True}, status=TOO_MANY)
    answer["Retry-After"] = str(seconds)
    return answer
