"""Settings › Members: who is in the workspace, with which role, until when; invitations that wait."""

from __future__ import annotations

import smtplib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.models import Invitation, Membership, Role, Workspace
from connectors.sign_in.session_rights import has_second_factor
from connectors.web.permissions import SECOND_FACTORS, Action, in_workspace
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, ask, by, see_other
from connectors.workspaces import invitations, members
from connectors.workspaces.email_field import AddressForm
from connectors.workspaces.last_admin import LastAdmin

log = structlog.get_logger(__name__)


class MemberForm(forms.Form):
    """A role, and the last day it holds."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=Role.choices,
        error_messages={"required": gettext_lazy("Choose a role.")},
    )
    last_day = forms.DateField(label=gettext_lazy("Last day"), required=False)

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        # In UTC, as memberships end, not in the zone of the browser.
        if day is not None and day < timezone.localdate(timezone=UTC):
            raise ValidationError(_("That day is over. Leave it empty for no end."))
        if day is not None and day.year > 9000:
            raise ValidationError(_("Leave it empty for no end."))
        return day

    @property
    def ends_at(self) -> datetime | None:
        """The midnight after the last day."""
        day = self.cleaned_data["last_day"]
        return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC) if day else None


class InviteForm(MemberForm, AddressForm):
    """Whom, as what, until when."""


@require_safe
@in_workspace(Action.MANAGE)
def listing(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    rows = Membership.objects.filter(workspace=workspace).select_related("user").order_by("user__email")
    with_factor = set(
        rows.filter(user__authenticator__type__in=SECOND_FACTORS).values_list("user_id", flat=True)
    )
    context = {
        "rows": [(row, row.user_id in with_factor) for row in rows],
        "invitations": invitations.open_ones(workspace).select_related("created_by").order_by("email"),
        "now": timezone.now(),
        "mine_has_factor": request.user.pk in with_factor,
    }
    return render(request, "connectors/settings/members.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def invite(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    form = InviteForm(request.POST if request.method == "POST" else None, initial={"role": Role.VIEWER})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made, link = invitations.invite(workspace, data["email"], data["role"], form.ends_at, by(request))
        except invitations.InvitationRefused as refused:
            form.add_error("email", str(refused))
        else:
            _send(request, made, link)
            return see_other("members", workspace.slug)
    return render(
        request,
        "connectors/settings/member_invite.html",
        {"form": form},
        status=REFUSED if form.is_bound else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def change(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    membership = _find(workspace, pk)
    last_day = membership.last_day
    initial = {"role": membership.role, "last_day": last_day.isoformat() if last_day else ""}
    form = MemberForm(request.POST if request.method == "POST" else None, initial=initial)
    context = {"membership": membership, "form": form}
    if request.method != "POST":
        return ask(request, "connectors/settings/member_change.html", context)
    if not form.is_valid():
        return ask(request, "connectors/settings/member_change.html", context, REFUSED)
    try:
        members.change(membership, role=form.cleaned_data["role"], ends_at=form.ends_at, by=by(request))
    except LastAdmin as refused:
        return ask(
            request, "connectors/settings/member_change.html", context | {"refused": str(refused)}, IN_THE_WAY
        )
    messages.success(request, _("%(email)s is changed.") % {"email": membership.user.email})
    return see_other("members", workspace.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def remove(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    membership = _find(workspace, pk)
    context: dict[str, Any] = {"membership": membership}
    if request.method != "POST":
        return ask(request, "connectors/settings/member_remove.html", context)
    try:
        members.remove(membership, by(request))
    except LastAdmin as refused:
        return ask(
            request, "connectors/settings/member_remove.html", context | {"refused": str(refused)}, IN_THE_WAY
        )
    messages.success(request, _("%(email)s is removed.") % {"email": membership.user.email})
    return see_other("members", workspace.slug)


@require_POST
@in_workspace(Action.MANAGE)
def invitation_act(request: HttpRequest, workspace: Workspace, pk: int, act: str) -> HttpResponseBase:
    """Send again, or withdraw."""
    invitation = get_object_or_404(
        Invitation.objects.select_related("workspace"), pk__in=invitations.open_ones(workspace).filter(pk=pk)
    )
    if act == "revoke":
        invitations.revoke(invitation, by(request))
        messages.success(
            request, _("The invitation of %(email)s is withdrawn.") % {"email": invitation.email}
        )
    elif act == "again":
        try:
            _send(request, *invitations.again(invitation, by(request)))
        except invitations.InvitationRefused as refused:
            messages.error(request, str(refused))
    else:
        raise Http404
    return see_other("members", workspace.slug)


@require_POST
@in_workspace(Action.MANAGE)
def second_factor(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """Requires a second factor of everybody in the workspace, or no longer; nobody locks themself out."""
    required = request.POST.get("required") == "1"
    if required and not has_second_factor(request):
        messages.error(
            request, _("Sign in with a second factor of your own first; else you lock yourself out.")
        )
        return see_other("members", workspace.slug)
    members.require_second_factor(workspace, required, by(request))
    messages.success(
        request,
        _("From now on everybody here needs a second factor.")
        if required
        else _("A second factor is up to each person now."),
    )
    return see_other("members", workspace.slug)


def _find(workspace: Workspace, pk: int) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user"), workspace=workspace, pk=pk)


def _send(request: HttpRequest, invitation: Invitation, link: str) -> None:
    try:
        invitations.letter(invitation, link).send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail.failed", letter="invitation", error=type(error).__name__, next="a person is told")
        messages.error(
            request,
            _("The mail server did not take the invitation of %(email)s. Send it again later.")
            % {"email": invitation.email},
        )
    else:
        messages.success(
            request, _("An invitation is on its way to %(email)s.") % {"email": invitation.email}
        )
