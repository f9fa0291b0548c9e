"""Members of a workspace: their roles, their end dates, and the rule that one admin must remain."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Membership, Role, User, Workspace
from connectors.workspaces import invitations
from connectors.workspaces.last_admin import check_admins


def admins(workspace: Workspace) -> QuerySet[User]:
    """The people who are admins of it now."""
    standing = Membership.objects.standing().filter(workspace=workspace, role=Role.ADMIN)
    return User.objects.filter(is_active=True, memberships__in=standing)


def change(membership: Membership, *, role: str, ends_at: datetime | None, by: By) -> None:
    """Raises:
    LastAdmin: nobody would be left to manage the workspace.
    """
    with transaction.atomic():
        current = _locked(membership)
        before = _describe(current)
        current.role, current.ends_at = role, ends_at
        current.save(update_fields=["role", "ends_at"])
        check_admins(current.workspace)
        invitations.close(current.workspace, current.user.email)
        after = _describe(current)
        if after != before:
            changed = [name for name in after if after[name] != before[name]]
            record(
                AuditAction.MEMBER_CHANGED,
                by,
                workspace=current.workspace,
                target=current.user.email,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )


def remove(membership: Membership, by: By) -> None:
    """Raises:
    LastAdmin: nobody would be left to manage the workspace.
    """
    with transaction.atomic():
        current = _locked(membership)
        record(
            AuditAction.MEMBER_REMOVED,
            by,
            workspace=current.workspace,
            target=current.user.email,
            before=_describe(current),
        )
        current.delete()
        check_admins(current.workspace)
        invitations.close(current.workspace, current.user.email)


def require_second_factor(workspace: Workspace, required: bool, by: By) -> None:
    with transaction.atomic():
        changed = Workspace.objects.filter(pk=workspace.pk).exclude(require_second_factor=required)
        if changed.update(require_second_factor=required):
            record(
                AuditAction.WORKSPACE_SECOND_FACTOR,
                by,
                workspace=workspace,
                target=workspace.name,
                before={"required": not required},
                after={"required": required},
            )


def _locked(membership: Membership) -> Membership:
    """Serialises changes of members, so that two admins cannot remove each other at the same time."""
    Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id)
    return Membership.objects.select_related("workspace", "user").get(pk=membership.pk)


def _describe(membership: Membership) -> dict[str, Any]:
    ends = membership.ends_at
    return {"role": membership.role, "ends_at": ends.date().isoformat() if ends else ""}
