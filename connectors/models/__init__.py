"""What a person configures: people, workspaces, connectors, their write keys, intake tokens, the audit log."""

from connectors.choices import ConnectorState, ConnectorType, Region, Role, Scope, Theme
from connectors.models.audit import AuditEntry
from connectors.models.connectors import NOT_SENT, Connector, WriteKey
from connectors.models.people import Pace, User, UserManager
from connectors.models.workspaces import (
    IntakeToken,
    Invitation,
    Membership,
    MembershipQuerySet,
    Workspace,
    not_ended,
)

# Django finds models through this module.
from connectors.sign_in.models import Mark, SignInTries

__all__ = [
    "NOT_SENT",
    "AuditEntry",
    "Connector",
    "ConnectorState",
    "ConnectorType",
    "IntakeToken",
    "Invitation",
    "Mark",
    "Membership",
    "MembershipQuerySet",
    "Pace",
    "Region",
    "Role",
    "Scope",
    "SignInTries",
    "Theme",
    "User",
    "UserManager",
    "Workspace",
    "WriteKey",
    "not_ended",
]
