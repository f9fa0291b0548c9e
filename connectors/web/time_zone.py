"""Zones: times of day are told in the time zone of the person's profile, else in that of their browser, whose name its
script keeps in a cookie.

Mails, the audit log and everything for machines are in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

COOKIE = "zone"
LONGEST = 64
# Names of the IANA database that are no places.
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


def in_zone(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware; it stands behind the one that knows the person."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(wanted(request)):
            return get_response(request)

    return respond


def wanted(request: HttpRequest) -> ZoneInfo | None:
    """The zone of this request; None is UTC."""
    # Who has no session is nobody, and is not looked up.
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        chosen = known(getattr(request.user, "time_zone", ""))
        if chosen is not None:
            return chosen
    return known(request.COOKIES.get(COOKIE, ""))


@lru_cache(maxsize=1_000)
def known(name: str) -> ZoneInfo | None:
    """None, which is UTC, for what is no zone's name."""
    if not name or len(name) > LONGEST:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


@cache
def offered() -> list[str]:
    """What the form proposes: places, and UTC."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(_NO_PLACES))
    return ["UTC", *sorted(places)]
