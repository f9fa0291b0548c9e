"""What every page shows around its content."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from connectors.models import Membership, Role, Workspace
from connectors.web.permissions import may, memberships_of

SWITCHER_ROWS = 10


class Shell:
    """Asked by the templates only, so that a page which shows no sidebar asks the database nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def workspace(self) -> Workspace | None:
        """The workspace of this page; on pages of none, the only one a person has."""
        found: Workspace | None = getattr(self._request, "workspace", None)
        if found is None and len(self._memberships) == 1:
            found = self._memberships[0].workspace
        return found

    @cached_property
    def role(self) -> str:
        role = getattr(self._request, "role", None)
        return str(Role(role).label) if role else ""

    @cached_property
    def workspaces(self) -> list[Workspace]:
        return [membership.workspace for membership in self._memberships]

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """What the page says when a request behind it does not come back as hoped."""
        return [
            ("signed-out", _("You are signed out; nothing was changed.")),
            ("offline", _("The server does not answer. What you see may be old; trying again.")),
            ("failed", _("Something went wrong on our side. What you see may be old; nothing was lost.")),
            ("forbidden", _("You may not do that here any more. Load the page again.")),
            ("gone", _("That no longer exists. Load the page again.")),
        ]

    @cached_property
    def _memberships(self) -> list[Membership]:
        user = getattr(self._request, "user", None)
        if user is None or not user.is_authenticated:
            return []
        return list(memberships_of(user.pk).order_by("workspace__name")[:SWITCHER_ROWS])


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request), "may": may(request)}
