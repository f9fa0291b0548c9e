"""The audit log: one `record()` that every change calls, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.models import AuditEntry, Workspace

log = structlog.get_logger(__name__)


def record(
    action: AuditAction,
    by: By,
    *,
    workspace: Workspace | None,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    seen_in: Iterable[int] = (),
) -> AuditEntry:
    """Records who did what. `before` and `after` hold settings, never a secret; `seen_in` holds the ids of
    further workspaces whose admins see the entry."""
    # Neither people nor values: the entry has them.
    log.info(
        "audit.recorded",
        action=str(action),
        workspace=workspace.pk if workspace else None,
        person=by.user.pk if by.user else None,
    )
    return AuditEntry.objects.create(
        workspace=workspace,
        seen_in=list(seen_in),
        actor=by.user,
        actor_email=by.user.email if by.user else "",
        address=by.address,
        action=action,
        target=target[:200],
        before=before or {},
        after=after or {},
    )
