"""The audit log: one `record()` that every change calls, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.models import AuditEntry, User, Workspace


def record(
    action: str,
    *,
    workspace: Workspace | None,
    actor: User | None,
    target: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    address: str | None = None,
    seen_in: Iterable[int] = (),
) -> AuditEntry:
    """Keeps who did what. `before` and `after` hold settings, never a secret; `actor` None is the system or a
    command; `address` is where the request came from; `seen_in` are ids of further workspaces that see it."""
    return AuditEntry.objects.create(
        workspace=workspace,
        seen_in=list(seen_in),
        actor=actor,
        actor_email=actor.email if actor else "",
        address=address,
        action=action,
        target=target[:200],
        before=before or {},
        after=after or {},
    )
