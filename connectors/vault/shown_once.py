"""Shows a secret once, on the page behind a redirect, without storing it: it travels encrypted in a short-lived cookie
that only this page receives."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

from connectors.web import compressed

COOKIE = "shown-once"
SECONDS = 60


def hand_over(answer: HttpResponseBase, secret: str, path: str) -> None:
    """Hands the browser the encrypted secret, to be returned to `path` within a minute."""
    answer.set_cookie(
        COOKIE,
        _fernet().encrypt(secret.encode()).decode(),
        max_age=SECONDS,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def take(request: HttpRequest) -> str | None:
    """The secret, if the browser returned one in time."""
    try:
        return _fernet().decrypt(request.COOKIES.get(COOKIE, "").encode(), ttl=SECONDS).decode()
    except (InvalidToken, UnicodeError):
        return None


def forget(answer: HttpResponseBase, path: str) -> None:
    answer.delete_cookie(COOKIE, path=path, samesite="Lax")
    # Neither the browser nor a proxy may cache the page that shows it.
    answer.headers["Cache-Control"] = "no-store"
    compressed.left_plain(answer)


def _fernet() -> Fernet:
    key = salted_hmac("connectors.vault.shown_once", "cookie", algorithm="sha256").digest()
    return Fernet(urlsafe_b64encode(key))
