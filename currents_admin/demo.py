"""The demo workspace of the embedded default: its people and their password."""

from __future__ import annotations

import secrets

from django.db import transaction

from connectors.audit.actions import AuditAction
from connectors.audit.actor import SYSTEM
from connectors.audit.record import record
from connectors.models import Membership, Role, User, Workspace
from currents_admin import env, local

SLUG = "demo"
PEOPLE = {
    "admin@demo.example": ("Ada Admin", Role.ADMIN),
    "marketer@demo.example": ("Mia Marketer", Role.MARKETER),
    "viewer@demo.example": ("Vera Viewer", Role.VIEWER),
}
_KEPT_AS = "demo_password"


def create() -> bool:
    """Creates the workspace and its people if the database holds neither, and returns whether it did."""
    if Workspace.objects.exists() or User.objects.exists():
        return False
    with transaction.atomic():
        workspace = Workspace.objects.create(slug=SLUG, name="Demo")
        for email, (name, role) in PEOPLE.items():
            user = User.objects.create_user(email, password(), name=name, is_owner=role == Role.ADMIN)
            Membership.objects.create(workspace=workspace, user=user, role=role)
        record(AuditAction.WORKSPACE_CREATED, SYSTEM, workspace=workspace, target=SLUG)
    return True


def password() -> str:
    """`CURRENTS_DEMO_PASSWORD`; otherwise a random one, kept in `var/secrets/` so that every start can print it."""
    return env.text("CURRENTS_DEMO_PASSWORD") or local.kept(_KEPT_AS, secrets.token_urlsafe(12))


def follow_environment() -> None:
    """Gives the demo people the password of this start where `CURRENTS_DEMO_PASSWORD` was changed or taken
    away. One that a person changed on the pages stays otherwise."""
    given = env.text("CURRENTS_DEMO_PASSWORD")
    kept = local.folder() / "secrets" / _KEPT_AS
    people = list(User.objects.filter(email__in=PEOPLE))
    if given:
        changed = [user for user in people if not user.check_password(given)]
        kept.unlink(missing_ok=True)
    else:
        changed = [] if kept.exists() else people
    for user in changed:
        user.set_password(password())
        user.save(update_fields=["password"])
