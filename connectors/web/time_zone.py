"""Zones: times of day are told in the time zone of the person's browser, whose name its script keeps in a cookie.

Mails, the audit log and everything for machines are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

COOKIE = "zone"
LONGEST = 64


def in_zone(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(known(request.COOKIES.get(COOKIE, ""))):
            return get_response(request)

    return respond


@lru_cache(maxsize=1_000)
def known(name: str) -> ZoneInfo | None:
    """None, which is UTC, for what is no zone's name."""
    if not name or len(name) > LONGEST:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
