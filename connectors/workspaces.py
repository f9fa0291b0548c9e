"""Workspaces and the first person in them; made by commands, since nobody signs up by themselves."""

from __future__ import annotations

import re

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from connectors import audit
from connectors.lifecycle import By
from connectors.models import Membership, Role, User, Workspace

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Refused(Exception):
    """The workspace cannot be made; the text says why."""


@transaction.atomic
def create(slug: str, name: str, admin_email: str, by: By) -> tuple[Workspace, User, bool]:
    """A new workspace with an admin, who is created where the address is unknown (the last value says so);
    without a password, to be set through `password_address`.

    Raises:
        Refused: the slug is taken or unfit, or the address is none.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 60:
        raise Refused(_("A slug consists of lower-case letters, digits and single hyphens, 60 at most."))
    if not 0 < len(name.strip()) <= 120:
        raise Refused(_("The name must have 1 to 120 characters."))
    try:
        validate_email(admin_email)
    except ValidationError:
        raise Refused(_("“%(email)s” is no e-mail address.") % {"email": admin_email}) from None
    if Workspace.objects.filter(slug=slug).exists():
        raise Refused(_("There is a workspace “%(slug)s” already.") % {"slug": slug})
    workspace = Workspace.objects.create(slug=slug, name=name.strip())
    user = User.objects.filter(email=admin_email.lower()).first()
    is_new = user is None
    if user is None:
        user = User.objects.create_user(admin_email)
    Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
    after = {"slug": slug, "admin": user.email}
    audit.record(
        "workspace.created", workspace=workspace, actor=by.user, address=by.address, target=name, after=after
    )
    return workspace, user, is_new


def password_address(user: User) -> str:
    """An address that lets whoever opens it set this person's password, once, for a few days."""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    return f"{settings.SITE_URL}{path.replace('UID-KEY', key)}"
