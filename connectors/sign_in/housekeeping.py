"""What signing in leaves behind goes again: expired counts, marks and sessions. So strangers cannot fill the disk."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
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
            deleted = _delete(model._default_manager.filter(**expired))
            gone += deleted
            if deleted < _AT_ONCE:
                break
    kept = Session.objects.values("session_key")
    return gone + int(UserSession.objects.exclude(session_key__in=kept).delete()[0])


@transaction.atomic
def _delete(rows: QuerySet[Any]) -> int:
    """Some of them. What is locked is just being counted on: whoever tries to sign in locks several of these rows."""
    free = rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_AT_ONCE]
    return int(rows.model._default_manager.filter(pk__in=list(free)).delete()[0])
