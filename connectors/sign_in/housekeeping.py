"""What signing in leaves behind goes again: expired counts, marks and sessions. So strangers cannot fill the disk."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone

from connectors import mail
from connectors.sign_in.models import Mark, SignInTries
from connectors.web.client_address import UNDECLARED
from connectors.workspaces import owners

_AT_ONCE = 5_000
# So many rows a run and table, which is more than anybody makes between two: the chore shares its thread.
_MOST_ROUNDS = 100


def tell_owners_of_an_undeclared_proxy() -> None:
    """Once in thirty days: until they declare it, limits and the audit log cannot tell people apart."""
    if cache.get(UNDECLARED) and cache.add(f"{UNDECLARED}-told", True, 30 * 86_400):
        for owner in owners.standing():
            mail.send_soon(mail.Letter("undeclared_proxy", {}, to=[owner.email]))


def purge() -> int:
    """How many rows went."""
    now = timezone.now()
    gone = 0
    for model, expired in (
        (Mark, {"expires_at__lte": now}),
        (SignInTries, {"expires_at__lte": now}),
        (Session, {"expire_date__lte": now}),
    ):
        for _round in range(_MOST_ROUNDS):
            due = model._default_manager.filter(**expired).values("pk")[:_AT_ONCE]
            deleted = model._default_manager.filter(pk__in=due).delete()[0]
            gone += deleted
            if deleted < _AT_ONCE:
                break
    kept = Session.objects.values("session_key")
    return gone + int(UserSession.objects.exclude(session_key__in=kept).delete()[0])
