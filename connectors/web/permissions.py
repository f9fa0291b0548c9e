"""Who may do what: the one table, and the one way a view fetches what it works on.

A stranger learns nothing: another workspace's page is 404. A member without the right is told which role has it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.models import Membership, MembershipQuerySet, Role, Workspace, not_ended
from connectors.sign_in.session_rights import has_second_factor
from connectors.web.gone import is_gone
from connectors.workspaces.archived import Archived

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Workspace, P], HttpResponseBase]
NAMED_ADMINS = 5
SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class Action(StrEnum):
    """What a person can do in a workspace."""

    SEE = "see"
    CONFIGURE = "configure"  # create, edit, pause, resume, try now, retry and download rejected, test events
    SEE_PERSONAL_DATA = "see_personal_data"
    ROTATE = "rotate"  # write key and region
    DELETE = "delete"
    MANAGE = "manage"  # members, tokens, audit log, settings


_RANK = {Role.VIEWER: 0, Role.MARKETER: 1, Role.ADMIN: 2}
NEEDED: dict[Action, Role] = {
    Action.SEE: Role.VIEWER,
    Action.CONFIGURE: Role.MARKETER,
    Action.SEE_PERSONAL_DATA: Role.MARKETER,
    Action.ROTATE: Role.ADMIN,
    Action.DELETE: Role.ADMIN,
    Action.MANAGE: Role.ADMIN,
}


def allows(role: Role | None, action: Action) -> bool:
    return role is not None and _RANK[role] >= _RANK[NEEDED[action]]


def reason(action: Action) -> str:
    """Why somebody may not, for the page and the control: it names the role that may."""
    if NEEDED[action] == Role.ADMIN:
        return _("Only admins of this workspace may do this. Ask one of them.")
    return _("Only marketers and admins of this workspace may do this. Ask one of them.")


def memberships_of(user_id: int | None) -> MembershipQuerySet:
    """Where a person may go now."""
    standing: MembershipQuerySet = Membership.objects.standing().filter(user_id=user_id or 0)
    return standing.select_related("workspace")


def second_factors_of(user_id: int | None) -> QuerySet[Authenticator]:
    """What somebody signs in with beside the password; recovery codes alone are none."""
    factors: QuerySet[Authenticator] = Authenticator.objects.filter(
        user_id=user_id or 0, type__in=SECOND_FACTORS
    )
    return factors


def workspaces_of(request: HttpRequest) -> QuerySet[Workspace]:
    """The workspaces whose contents this session may show now: not those that want a second factor it was made
    without."""
    # One join, as people have one membership a workspace.
    mine = Workspace.objects.filter(
        not_ended("memberships__"), memberships__user_id=request.user.pk or 0, archived_at__isnull=True
    )
    return mine if has_second_factor(request) else mine.filter(require_second_factor=False)


def in_workspace(action: Action) -> Callable[[View[P]], Callable[..., HttpResponseBase]]:
    """Makes a view of `(request, workspace, …)` from a URL with the workspace's slug: signed in, a member, with
    the second factor the workspace wants, and with a role that allows `action`. The member's role is left in
    `request.role`."""

    def decorate(view: View[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            membership = memberships_of(request.user.pk).filter(workspace__slug=slug).first()
            if membership is None:
                raise Http404
            workspace = membership.workspace
            if workspace.require_second_factor and not has_second_factor(request):
                return _second_factor_needed(request, workspace.name)
            role = Role(membership.role)
            request.role = role  # type: ignore[attr-defined]
            request.workspace = workspace  # type: ignore[attr-defined]
            if not allows(role, action):
                raise PermissionDenied(f"{reason(action)} {_admins_of(workspace)}".strip())
            try:
                return view(request, workspace, *args, **kwargs)
            except (ObjectDoesNotExist, IntegrityError, Archived) as error:
                if not is_gone(error):
                    raise
                raise Http404 from None

        return guarded

    return decorate


def _admins_of(workspace: Workspace) -> str:
    """A sentence with the names of those who can help."""
    standing = Membership.objects.standing().filter(
        workspace=workspace, role=Role.ADMIN, user__is_active=True
    )
    people = [member.user.get_full_name() for member in standing.select_related("user").order_by("pk")]
    if not people:
        return ""
    names = ", ".join(people[:NAMED_ADMINS])
    more = len(people) - NAMED_ADMINS
    if more <= 0:
        return _("Admins here: %(names)s.") % {"names": names}
    return ngettext(
        "Admins here: %(names)s and %(n)s more.", "Admins here: %(names)s and %(n)s more.", more
    ) % {"names": names, "n": more}


def for_owners(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """For people who look after the whole installation."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not getattr(request.user, "is_owner", False):
            raise PermissionDenied(_("Only owners of this installation may do this. Ask one of them."))
        if settings.OWNERS_NEED_SECOND_FACTOR and not has_second_factor(request):
            return _second_factor_needed(request, _("this installation"))
        return view(request, *args, **kwargs)

    return guarded


def _second_factor_needed(request: HttpRequest, name: str) -> HttpResponse:
    """Set one up, or, with one, sign in with it: what a session may depends on how it was made."""
    context = {"name": name, "has_one": second_factors_of(request.user.pk).exists()}
    return render(request, "connectors/second_factor.html", context, status=403)


def may(request: HttpRequest) -> dict[str, Any]:
    """For templates: every action by name with whether the person may, and the reason if not."""
    role: Role | None = getattr(request, "role", None)
    return {
        action.value: {
            "allowed": allows(role, action),
            "reason": "" if allows(role, action) else reason(action),
        }
        for action in Action
    }
