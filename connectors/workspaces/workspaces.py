"""Workspaces: created with their first admin, renamed, archived, restored."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Membership, Role, User, Workspace
from connectors.workspaces import owners, tokens

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class WorkspaceRefused(Exception):
    """The change is not possible; the message says why."""


@transaction.atomic
def create(slug: str, name: str, admin_email: str, by: By) -> tuple[Workspace, User]:
    """Creates a workspace and its first admin. If nobody has that address, an account without a password is created;
    an invitation lets its person choose one. The first admin of an installation becomes its owner.

    Raises:
        WorkspaceRefused: the slug is taken or malformed, or the address is not valid.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise WorkspaceRefused(
            _("A slug consists of lower-case letters, digits and single hyphens, 60 at most.")
        )
    name = _checked(name)
    try:
        validate_email(admin_email)
    except ValidationError:
        raise WorkspaceRefused(_("“%(email)s” is not an email address.") % {"email": admin_email}) from None
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(slug=slug, name=name)
    except IntegrityError:
        raise WorkspaceRefused(_("There is already a workspace “%(slug)s”.") % {"slug": slug}) from None
    user = User.objects.filter(email=admin_email.lower()).first() or User.objects.create_user(admin_email)
    owners.mark_first(user, by)
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    after = {"slug": slug, "admin": user.email}
    record(AuditAction.WORKSPACE_CREATED, by, workspace=workspace, target=name, after=after)
    return workspace, user


@transaction.atomic
def rename(workspace: Workspace, name: str, by: By) -> None:
    """Raises:
    WorkspaceRefused: the name is empty or too long.
    """
    name, current = _checked(name), Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    if current.name == name:
        return
    _record(AuditAction.WORKSPACE_RENAMED, current, by, before={"name": current.name}, after={"name": name})
    current.name = name
    current.save(update_fields=["name"])


@transaction.atomic
def archive(workspace: Workspace, by: By) -> None:
    """Archives a workspace: its pages disappear and its tokens are revoked; everything recorded is kept.

    Raises:
        WorkspaceRefused: it still has a connector.
    """
    current = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    if current.archived_at is not None:
        return
    connector = current.connectors.first()
    if connector is not None:
        raise WorkspaceRefused(
            _("“%(name)s” still exports from this workspace. Delete it first.") % {"name": connector.name}
        )
    for token in tokens.standing(current):
        tokens.revoke(token, by)
    current.archived_at = timezone.now()
    current.save(update_fields=["archived_at"])
    _record(AuditAction.WORKSPACE_ARCHIVED, current, by)


@transaction.atomic
def restore(workspace: Workspace, by: By) -> None:
    """Reopens an archived workspace for its members; its tokens stay revoked."""
    if Workspace.objects.filter(pk=workspace.pk, archived_at__isnull=False).update(archived_at=None):
        _record(AuditAction.WORKSPACE_RESTORED, workspace, by)


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise WorkspaceRefused(_("The name must have 1 to 120 characters."))
    return name


def _record(
    action: AuditAction,
    workspace: Workspace,
    by: By,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    record(
        action,
        by,
        workspace=workspace,
        target=workspace.name,
        before=before,
        after=after,
    )
