"""Intake tokens: bearer tokens for machines. The plain token is known only when it is created."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import IntakeToken, Workspace
from connectors.workspaces.archived import hold_open

_ALPHABET = string.ascii_letters + string.digits
_PREFIX_LENGTH = 10


class Ended(Exception):
    """The token has been revoked or has expired, so it cannot be changed."""


def standing(workspace: Workspace) -> QuerySet[IntakeToken]:
    """The tokens that are valid now."""
    return workspace.intake_tokens.filter(works())


def works() -> Q:
    """The condition for a token to be valid now."""
    return Q(revoked_at__isnull=True) & (Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now()))


def create(workspace: Workspace, name: str, scopes: Collection[str], by: By) -> tuple[IntakeToken, str]:
    """Creates a token and returns it with its plain text, `cur_<prefix>_<random>`; only the SHA-256 of it is stored.

    Raises:
        Archived: the workspace is closed.
    """
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(_PREFIX_LENGTH))
    plain = f"cur_{prefix}_{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        hold_open(workspace)
        token = IntakeToken.objects.create(
            workspace=workspace,
            name=name,
            prefix=prefix,
            hash=sha256(plain.encode()).digest(),
            scopes=sorted(set(scopes)),
            created_by=by.user,
        )
        record(
            AuditAction.INTAKE_TOKEN_CREATED,
            by,
            workspace=workspace,
            target=name,
            after={"prefix": prefix, "scopes": token.scopes},
        )
    return token, plain


def rotate(token: IntakeToken, hours: float, by: By) -> tuple[IntakeToken, str]:
    """Replaces a token by one of the same name and scopes and returns its plain text; the old one lasts `hours` more.

    Raises:
        Ended: the old one no longer works.
        Archived: the workspace is closed.
    """
    with transaction.atomic():
        # The workspace before its token: so does whoever archives it, who revokes all of them.
        hold_open(token.workspace)
        old = IntakeToken.objects.select_for_update().filter(works(), pk=token.pk).first()
        if old is None:
            raise Ended
        ends_at = timezone.now() + timedelta(hours=hours)
        old.ends_at = min(ends_at, old.ends_at or ends_at)
        old.save(update_fields=["ends_at"])
        fresh, plain = create(old.workspace, old.name, old.scopes, by)
        record(
            AuditAction.INTAKE_TOKEN_ROTATED,
            by,
            workspace=old.workspace,
            target=old.name,
            before={"prefix": old.prefix},
            after={"prefix": fresh.prefix, "former_ends_at": f"{old.ends_at:%Y-%m-%d %H:%M} UTC"},
        )
    return fresh, plain


def revoke(token: IntakeToken, by: By) -> None:
    """Revokes the token; requests with it are refused within seconds. Does nothing if it was revoked before."""
    with transaction.atomic():
        revoked = IntakeToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now()
        )
        if not revoked:
            return
        record(
            AuditAction.INTAKE_TOKEN_REVOKED,
            by,
            workspace=token.workspace,
            target=token.name,
            before={"prefix": token.prefix, "scopes": token.scopes},
        )
