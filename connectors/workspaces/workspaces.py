"""Workspaces: created with their first admin, renamed, archived, restored."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Membership, Role, User, Workspace
from connectors.workspaces import owners, tokens

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Refused(Exception):
    """It cannot be done; the text says why."""


@transaction.atomic
def create(slug: str, name: str, admin_email: str, by: By) -> tuple[Workspace, User]:
    """A new workspace with an admin, who is created where the address is unknown; without a password, to be chosen
    through an invitation. The first admin of an installation becomes its owner.

    Raises:
        Refused: the slug is taken or unfit, or the address is none.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise Refused(_("A slug consists of lower-case letters, digits and single hyphens, 60 at most."))
    name = _checked(name)
    try:
        validate_email(admin_email)
    except ValidationError:
        raise Refused(_("“%(email)s” is no e-mail address.") % {"email": admin_email}) from None
    if Workspace.objects.filter(slug=slug).exists():
        raise Refused(_("There is a workspace “%(slug)s” already.") % {"slug": slug})
    workspace = Workspace.objects.create(slug=slug, name=name)
    user = User.objects.filter(email=admin_email.lower()).first() or User.objects.create_user(admin_email)
    owners.mark_first(user, by)
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    after = {"slug": slug, "admin": user.email}
    record(AuditAction.WORKSPACE_CREATED, by, workspace=workspace, target=name, after=after)
    return workspace, user


@transaction.atomic
def rename(workspace: Workspace, name: str, by: By) -> None:
    """Raises:
    Refused: that is no name.
    """
    name, current = _checked(name), Workspace.objects.select_for_update().get(pk=workspace.pk)
    if current.name == name:
        return
    _record(AuditAction.WORKSPACE_RENAMED, current, by, before={"name": current.name}, after={"name": name})
    current.name = name
    current.save(update_fields=["name"])


@transaction.atomic
def archive(workspace: Workspace, by: By) -> None:
    """Closes a workspace: its pages are gone and its tokens revoked; what was recorded stays.

    Raises:
        Refused: a connector stands in it.
    """
    current = Workspace.objects.select_for_update().get(pk=workspace.pk)
    if current.archived_at is not None:
        return
    connector = current.connectors.first()
    if connector is not None:
        raise Refused(
            _("“%(name)s” still exports from this workspace. Delete it first.") % {"name": connector.name}
        )
    for token in tokens.standing(current):
        tokens.revoke(token, by)
    current.archived_at = timezone.now()
    current.save(update_fields=["archived_at"])
    _record(AuditAction.WORKSPACE_ARCHIVED, current, by)


@transaction.atomic
def restore(workspace: Workspace, by: By) -> None:
    """Opens it again for its members; tokens stay revoked."""
    if Workspace.objects.filter(pk=workspace.pk, archived_at__isnull=False).update(archived_at=None):
        _record(AuditAction.WORKSPACE_RESTORED, workspace, by)


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise Refused(_("The name must have 1 to 120 characters."))
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
