"""Invitations: a mailed link lets one address join a workspace. Only the SHA-256 of the link's secret is stored."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from connectors import mail
from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Invitation, Membership, Role, User, Workspace
from connectors.workspaces.archived import hold_open
from connectors.workspaces.last_admin import LastAdmin, check_admins

LASTS = timedelta(days=7)


class InvitationRefused(Exception):
    """The change is not possible; the message says why."""


def open_ones(workspace: Workspace) -> QuerySet[Invitation]:
    """Invitations neither accepted nor withdrawn; expired ones are included, so that they can be sent again."""
    return workspace.invitations.filter(accepted_at__isnull=True, revoked_at__isnull=True)


def invite(
    workspace: Workspace, email: str, role: str, ends_at: datetime | None, by: By
) -> tuple[Invitation, str]:
    """Creates an invitation and its link; it replaces an open one for the same address.

    Raises:
        InvitationRefused: the person is a member already.
        Archived: the workspace is closed.
    """
    address = email.strip().lower()
    with transaction.atomic():
        hold_open(workspace)
        members = Membership.objects.standing().filter(workspace=workspace, user__email=address)
        member = members.select_related("user").first()
        # Somebody who never signed in may need another link.
        if member is not None and member.user.came_in:
            raise InvitationRefused(_("%(email)s is already a member.") % {"email": address})
        open_ones(workspace).filter(email=address).update(revoked_at=timezone.now())
        invitation, secret = _make(workspace, address, role, ends_at, by)
        after = {"email": address, "role": role, "ends_at": ends_at.date().isoformat() if ends_at else ""}
        record(
            AuditAction.MEMBER_INVITED,
            by,
            workspace=workspace,
            target=address,
            after={name: value for name, value in after.items() if value},
        )
    return invitation, link(secret)


def again(invitation: Invitation, by: By) -> tuple[Invitation, str]:
    """Gives an invitation a new link; the old link stops working."""
    return invite(invitation.workspace, invitation.email, invitation.role, invitation.ends_at, by)


def revoke(invitation: Invitation, by: By) -> None:
    with transaction.atomic():
        if open_ones(invitation.workspace).filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            record(
                AuditAction.MEMBER_INVITATION_REVOKED,
                by,
                workspace=invitation.workspace,
                target=invitation.email,
            )


def close(workspace: Workspace, address: str) -> None:
    """Ends open invitations of somebody whose membership was changed: an older letter must not change it back."""
    open_ones(workspace).filter(email=address).update(revoked_at=timezone.now())


def find(secret: str) -> Invitation | None:
    """The invitation behind a link, if it is still valid."""
    return (
        Invitation.objects.select_related("workspace", "created_by")
        .filter(
            hash=_hash(secret),
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=timezone.now(),
            workspace__archived_at__isnull=True,
        )
        .first()
    )


def waiting_for(address: str) -> list[Invitation]:
    """The invitations for an address that are still valid, in the order in which everybody locks workspaces."""
    found = Invitation.objects.select_related("workspace").filter(
        email=address,
        accepted_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
        workspace__archived_at__isnull=True,
    )
    return list(found.order_by("workspace_id"))


def accept(invitation: Invitation, user: User, address: str | None) -> Membership:
    """Makes the person a member.

    Raises:
        InvitationRefused: the invitation has been used or withdrawn in the meantime, or is for somebody else.
    """
    if user.email != invitation.email:
        raise InvitationRefused(_("This invitation is for %(email)s.") % {"email": invitation.email})
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=invitation.workspace_id)
        mine = open_ones(invitation.workspace).filter(pk=invitation.pk, expires_at__gt=timezone.now())
        if not mine.filter(workspace__archived_at__isnull=True).update(accepted_at=timezone.now()):
            raise InvitationRefused(
                _("This invitation has been used or withdrawn. Ask an admin for a new one.")
            )
        membership, _new = Membership.objects.update_or_create(
            workspace=invitation.workspace,
            user=user,
            defaults={"role": invitation.role, "ends_at": invitation.ends_at},
        )
        try:
            check_admins(invitation.workspace)
        except LastAdmin as refused:
            raise InvitationRefused(str(refused)) from None
        record(
            AuditAction.MEMBER_JOINED,
            By(user, address),
            workspace=invitation.workspace,
            target=user.email,
            after={"role": invitation.role},
        )
    return membership


def link(secret: str) -> str:
    return f"{settings.SITE_URL}{reverse('invitation', args=[secret])}"


def letter(invitation: Invitation, link: str) -> mail.Letter:
    context = {
        "person": invitation.created_by.get_full_name() if invitation.created_by else "",
        "workspace": invitation.workspace.name,
        "role": Role(invitation.role).label,
        "expires_at": invitation.expires_at,
        "link": link,
    }
    invited = User.objects.filter(email=invitation.email).first()
    # Who has no account yet is written to in the language of whoever invites them.
    language = (invited.language if invited else "") or translation.get_language() or ""
    return mail.Letter("invitation", context, [invitation.email], language=language)


def _make(
    workspace: Workspace, email: str, role: str, ends_at: datetime | None, by: By
) -> tuple[Invitation, str]:
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        workspace=workspace,
        email=email,
        role=role,
        ends_at=ends_at,
        hash=_hash(secret),
        created_by=by.user,
        expires_at=timezone.now() + LASTS,
    )
    return invitation, secret


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()
