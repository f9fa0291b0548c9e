"""What a session may: it remembers how its person proved who they are, and for how long that holds.

Somebody's other sessions end when a second factor comes or goes or the password changes, and they are told by mail.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allauth.account import signals as account_signals
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa import signals as factor_signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import logout, update_session_auth_hash
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_noop

from connectors import mail
from connectors.models import User

_BEGAN, _SEEN = "began_at", "seen_at"
# A session is written at most so often to say that it was used.
_NOTED_EVERY = 300


def has_second_factor(request: HttpRequest) -> bool:
    """Whether this session was made, or confirmed since, with more than a password."""
    records = get_authentication_records(request, request.user if request.user.is_authenticated else None)
    return any(record.get("method") == "mfa" for record in records)


def bound_in_time(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: ends sessions that are too old, or that nobody used for too long. What a page asks for by itself is
    no use of it."""

    def bound(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            _look_at_the_time(request, time.time())
        return get_response(request)

    return bound


def _look_at_the_time(request: HttpRequest, now: float) -> None:
    session = request.session
    began, seen = session.get(_BEGAN), session.get(_SEEN)
    if began is None or seen is None:
        session[_BEGAN] = session[_SEEN] = now
    elif now - began > settings.SESSION_COOKIE_AGE or now - seen > settings.SESSION_IDLE_SECONDS:
        request.session_ran_out = True  # type: ignore[attr-defined]
        logout(request)
    elif now - seen > _NOTED_EVERY and "HX-Request" not in request.headers:
        session[_SEEN] = now


@receiver(factor_signals.authenticator_added)
def factor_added(request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any) -> None:
    """Who sets one up has just shown that they hold it."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", type=authenticator.type, id=authenticator.pk)
        _end_others(request, user)
        _tell(user, gettext_noop("A second factor was added to your account."))


@receiver(factor_signals.authenticator_removed)
def factor_removed(request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        _end_others(request, user)
        _tell(user, gettext_noop("A second factor was removed from your account."))


@receiver(factor_signals.authenticator_reset)
def codes_made_anew(request: HttpRequest, user: User, **_more: Any) -> None:
    _end_others(request, user)
    _tell(user, gettext_noop("The recovery codes of your account were made anew."))


@receiver(account_signals.password_changed)
@receiver(account_signals.password_reset)
@receiver(account_signals.password_set)
def password_changed(request: HttpRequest, user: User, **_more: Any) -> None:
    """Other sessions have ended already: they are signed with the password."""
    _tell(user, gettext_noop("The password of your account was changed."))


def end_all(user: User) -> None:
    """Everywhere, at the next request."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)


def _end_others(request: HttpRequest, user: User) -> None:
    end_all(user)
    user.refresh_from_db(fields=["session_epoch"])
    if request.user.is_authenticated and request.user.pk == user.pk:
        request.user.session_epoch = user.session_epoch
        update_session_auth_hash(request, user)


def _tell(user: User, what: str) -> None:
    mail.send_soon(mail.Letter("account_changed", {"what": what}, to=[user.email]))
