"""Sign-ins for the audit log: who signed in and who was refused. They are shown in the person's workspaces; those of
unknown addresses belong to no workspace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as factor_signals
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import AuditEntry, Membership, User
from connectors.web import client_address

# Refused sign-ins of addresses nobody here has, in 24 hours: strangers could fill a log from which nothing is deleted.
MOST_OF_STRANGERS = 1_000


@receiver(account_signals.user_logged_in)
def signed_in(request: HttpRequest, user: User, **_more: Any) -> None:
    _record(AuditAction.SIGN_IN_SUCCEEDED, request, user)


@receiver(account_signals.user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_more: Any) -> None:
    if user is not None:
        _record(AuditAction.SIGN_IN_ENDED, request, user)


@receiver(user_login_failed)
def refused(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    typed = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    refuse(request, typed, gettext_noop("wrong address or password"))


def refuse(request: HttpRequest | None, typed: str, why: str) -> None:
    """Records a refused sign-in. What was typed as the address is kept only if it is an address: people type passwords
    into the wrong field."""
    user = User.objects.filter(email=typed).first()
    if user is None:
        recorded = _of_strangers_today()
        if recorded >= MOST_OF_STRANGERS:
            return
        if recorded == MOST_OF_STRANGERS - 1:
            why = gettext_noop("too many today: more of unknown addresses are not recorded")
    try:
        validate_email(typed)
    except ValidationError:
        typed = ""
    _record(AuditAction.SIGN_IN_REFUSED, request, user, target=typed, why=why)


@receiver(factor_signals.authentication_failed)
def factor_refused(request: HttpRequest, user: User, **_more: Any) -> None:
    _record(AuditAction.SIGN_IN_REFUSED, request, user, target=user.email, why=gettext_noop("wrong code"))


@receiver(account_signals.password_changed)
@receiver(account_signals.password_reset)
@receiver(account_signals.password_set)
def password_changed(request: HttpRequest, user: User, **_more: Any) -> None:
    _record(AuditAction.SIGN_IN_PASSWORD, request, user)


@receiver(factor_signals.authenticator_added)
@receiver(factor_signals.authenticator_removed)
@receiver(factor_signals.authenticator_reset)
def factor_changed(request: HttpRequest, user: User, authenticator: Any, signal: Any, **_more: Any) -> None:
    words = {
        id(factor_signals.authenticator_added): gettext_noop("added"),
        id(factor_signals.authenticator_removed): gettext_noop("removed"),
    }
    kind = str(authenticator.get_type_display())
    _record(
        AuditAction.SIGN_IN_FACTOR,
        request,
        user,
        target=kind,
        how=words.get(id(signal), gettext_noop("made anew")),
    )


def _of_strangers_today() -> int:
    """Not more than are looked for."""
    refused = AuditEntry.objects.filter(workspace=None, action=AuditAction.SIGN_IN_REFUSED, actor=None)
    since = timezone.now() - timedelta(hours=24)
    return int(refused.filter(at__gt=since)[:MOST_OF_STRANGERS].count())


def _record(
    action: AuditAction, request: HttpRequest | None, user: User | None, *, target: str = "", **after: str
) -> None:
    mine = Membership.objects.standing().filter(user=user) if user is not None else Membership.objects.none()
    record(
        action,
        By(user, client_address.client_of(request) if request is not None else None),
        workspace=None,
        seen_in=mine.values_list("workspace_id", flat=True),
        target=target,
        after=after,
    )
