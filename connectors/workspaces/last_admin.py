"""The last admin has to stay: every path that changes a membership asks here, in its own transaction."""

from __future__ import annotations

from django.utils.translation import gettext as _

from connectors.models import Membership, Role, Workspace


class LastAdmin(Exception):
    """Without this person nobody could manage the workspace."""

    def __init__(self) -> None:
        super().__init__(_("A workspace needs an admin without an end date. Make somebody else one first."))


def check_admins(workspace: Workspace) -> None:
    """Raises:
    LastAdmin: nobody is left to manage the workspace. The caller holds the workspace's row and rolls back.
    """
    admins = Membership.objects.filter(workspace=workspace, role=Role.ADMIN, ends_at__isnull=True)
    if not admins.filter(user__is_active=True).exists():
        raise LastAdmin
