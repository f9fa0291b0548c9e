"""Unlocking: who reads the mail of an address gets tries of their own, however many others have used up."""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from connectors import mail
from connectors.models import User
from connectors.sign_in.tries import fold

LASTS = 3600
_SALT = "connectors.sign_in.unlock"
_KEPT_AS = "unlocked_by"


def offer(address: str) -> None:
    """Mails a link to an address of somebody here, at most one an hour."""
    user = User.objects.filter(email=address.strip().lower(), is_active=True).first()
    if user is None or not cache.add(f"unlock:{user.pk}", True, LASTS):
        return
    link = settings.SITE_URL + reverse("account_unlock", args=[signing.dumps(user.email, salt=_SALT)])
    mail.send_soon(mail.Letter("unlock_sign_in", {"link": link}, to=[user.email]))


def address_of(link: str) -> str | None:
    """Whose link it is; None where it is none, or too old."""
    try:
        return str(signing.loads(link, salt=_SALT, max_age=LASTS))
    except signing.BadSignature:
        return None


def use(request: HttpRequest, link: str) -> None:
    """From now on this browser has tries of its own for the address of the link."""
    request.session[_KEPT_AS] = link


def link_of(request: HttpRequest, address: str) -> str:
    """The link by which this browser may try the address; empty without one."""
    link = str(request.session.get(_KEPT_AS, ""))
    unlocked = address_of(link) if link else None
    return link if unlocked and fold(unlocked) == fold(address) else ""
