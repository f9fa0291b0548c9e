"""Owners: people who look after the whole installation. An owner appoints the next one; the last one must stay."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import AuditEntry, User
from connectors.workspaces import invitations

ADDED, REMOVED = AuditAction.OWNER_ADDED, AuditAction.OWNER_REMOVED


class OwnerRefused(Exception):
    """The change is not possible; the message says why."""


class LastOwner(OwnerRefused):
    """This person is the installation's last owner."""


def standing() -> QuerySet[User]:
    """The current owners who can sign in."""
    return User.objects.filter(is_owner=True, is_active=True)


def history() -> QuerySet[AuditEntry]:
    """Who became an owner and who stopped being one, newest first."""
    return AuditEntry.objects.filter(action__in=(ADDED, REMOVED)).order_by("-at", "-pk")


def add(email: str, by: By) -> User:
    """Makes somebody with an account an owner; does nothing if they are one already.

    Raises:
        OwnerRefused: nobody with that address has ever signed in, or `by` is no longer an owner.
    """
    address = email.strip().lower()
    with transaction.atomic():
        _lock(by)
        user = User.objects.select_for_update().filter(email=address).first()
        if user is None or not user.came_in:
            raise OwnerRefused(_who_is(address, user))
        if not user.is_active:
            raise OwnerRefused(_("The account of %(email)s is closed.") % {"email": address})
        if not user.is_owner:
            _mark(user, True, by)
    return user


def remove(user: User, by: By) -> None:
    """Removes somebody from the owners; their account and memberships stay.

    Raises:
        LastOwner: nobody would be left to look after the installation.
        OwnerRefused: `by` is no longer an owner.
    """
    with transaction.atomic():
        _lock(by)
        current = User.objects.select_for_update().get(pk=user.pk)
        if not current.is_owner:
            return
        if not standing().exclude(pk=current.pk).exists():
            raise LastOwner(_("The installation needs an owner. Make somebody else one first."))
        _mark(current, False, by)


def mark_first(user: User, by: By) -> None:
    """Makes `user` an owner if there is none yet, in the caller's transaction."""
    if not User.objects.filter(is_owner=True).exists():
        _mark(user, True, by)


def _lock(by: By) -> None:
    """Serialises changes of owners, so that two cannot remove each other at the same time."""
    owners = list(User.objects.select_for_update().filter(is_owner=True).order_by("pk"))
    if by.user is not None and by.user not in owners:
        raise OwnerRefused(_("You are no longer an owner. Somebody removed you a moment ago."))


def _mark(user: User, owner: bool, by: By) -> None:
    user.is_owner = owner
    user.save(update_fields=["is_owner"])
    action = ADDED if owner else REMOVED
    record(action, by, workspace=None, target=user.email)


def _who_is(address: str, user: User | None) -> str:
    if user is not None or invitations.waiting_for(address):
        return _(
            "%(email)s has been invited but has not signed in yet. Make them an owner once they have."
        ) % {"email": address}
    return _("%(email)s has no account yet. Invite them to a workspace first.") % {"email": address}
