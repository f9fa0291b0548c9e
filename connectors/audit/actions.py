"""Every action the audit log can record, each with its label: an action without one cannot exist."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AuditAction(TextChoices):
    """What was done, in the order of the filter. The values are stored with the entries and must never change."""

    CONNECTOR_LAUNCHED = "connector.launched", _("Connector launched")
    CONNECTOR_UPDATED = "connector.updated", _("Connector changed")
    CONNECTOR_PAUSED = "connector.paused", _("Connector paused")
    CONNECTOR_RESUMED = "connector.resumed", _("Connector resumed")
    CONNECTOR_TRIED_NOW = "connector.tried_now", _("Delivery tried at once")
    CONNECTOR_DAMAGE_SKIPPED = "connector.damage_skipped", _("Unreadable events skipped")
    REJECTED_RETRIED = "rejected.retried", _("Rejected events sent again")
    REJECTED_DOWNLOADED = "rejected.downloaded", _("Rejected events downloaded")
    REFUSED_DOWNLOADED = "refused.downloaded", _("Refused events downloaded")
    AUDIT_DOWNLOADED = "audit.downloaded", _("Audit log downloaded")
    REFUSED_RETRIED = "refused.retried", _("Refused events tried again")
    CONNECTOR_DELETED = "connector.deleted", _("Connector deleted")
    WRITE_KEY_PROPOSED = "write_key.proposed", _("New write key entered")
    WRITE_KEY_DISCARDED = "write_key.discarded", _("New write key discarded")
    WRITE_KEY_TESTED = "write_key.tested", _("Test events sent")
    WRITE_KEY_ROTATED = "write_key.rotated", _("Write key switched")
    WRITE_KEY_ROLLED_BACK = "write_key.rolled_back", _("Write key rolled back")
    WRITE_KEY_VERIFIED = "write_key.verified", _("Write key verified")
    WRITE_KEY_DESTROYED = "write_key.destroyed", _("Old write key destroyed")
    WRITE_KEY_REMINDER = "write_key.reminder", _("Key reminder changed")
    INTAKE_TOKEN_CREATED = "intake_token.created", _("Token created")
    INTAKE_TOKEN_ROTATED = "intake_token.rotated", _("Token rotated")
    INTAKE_TOKEN_REVOKED = "intake_token.revoked", _("Token revoked")
    SOURCE_ADDED = "source.added", _("Source added")
    SOURCE_CHANGED = "source.changed", _("Source’s credentials changed")
    SOURCE_PAUSED = "source.paused", _("Source paused")
    SOURCE_RESUMED = "source.resumed", _("Source resumed")
    SOURCE_REMOVED = "source.removed", _("Source removed")
    SOURCE_RETRIED = "source.retried", _("Objects set aside tried again")
    MEMBER_INVITED = "member.invited", _("Member invited")
    MEMBER_INVITATION_REVOKED = "member.invitation_revoked", _("Invitation withdrawn")
    MEMBER_JOINED = "member.joined", _("Member joined")
    MEMBER_CHANGED = "member.changed", _("Member changed")
    MEMBER_REMOVED = "member.removed", _("Member removed")
    WORKSPACE_CREATED = "workspace.created", _("Workspace created")
    WORKSPACE_RENAMED = "workspace.renamed", _("Workspace renamed")
    WORKSPACE_ARCHIVED = "workspace.archived", _("Workspace archived")
    WORKSPACE_RESTORED = "workspace.restored", _("Workspace restored")
    WORKSPACE_SECOND_FACTOR = "workspace.second_factor", _("Second factor rule changed")
    OWNER_ADDED = "owner.added", _("Made an owner")
    OWNER_REMOVED = "owner.removed", _("No longer an owner")
    SIGN_IN_SUCCEEDED = "sign_in.succeeded", _("Signed in")
    SIGN_IN_REFUSED = "sign_in.refused", _("Sign-in refused")
    SIGN_IN_ENDED = "sign_in.ended", _("Signed out")
    SIGN_IN_PASSWORD = "sign_in.password", _("Password changed")
    SIGN_IN_FACTOR = "sign_in.factor", _("Second factor changed")
