"""Nothing is added to an archived workspace, also not at the very moment it is archived."""

from __future__ import annotations

from connectors.models import Workspace


class Archived(Exception):
    """The workspace is closed."""


def hold_open(workspace: Workspace) -> None:
    """Keeps the workspace from being archived until the caller's transaction ends.

    Raises:
        Archived.
    """
    current = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    if current.archived_at is not None:
        raise Archived
