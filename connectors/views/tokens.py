"""Settings › Intake tokens: create, rotate, revoke. A token is shown once, right after it was made."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from connectors.models import IntakeToken, Scope, Workspace
from connectors.vault import shown_once
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, ask, by, see_other
from connectors.workspaces import tokens

MOST_ENDED = 50


class TokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        error_messages={"required": gettext_lazy("Say what the token is for, such as “Braze”.")},
    )
    scopes = forms.MultipleChoiceField(
        label=pgettext_lazy("of a token", "May"),
        choices=Scope.choices,
        error_messages={"required": gettext_lazy("Choose what the token may do.")},
    )


class OverlapForm(forms.Form):
    hours = forms.TypedChoiceField(
        label=gettext_lazy("The old token works for"),
        coerce=int,
        choices=[
            (1, gettext_lazy("1 hour")),
            (24, gettext_lazy("1 day")),
            (72, gettext_lazy("3 days")),
            (168, gettext_lazy("7 days")),
        ],
        initial=24,
    )


@require_safe
@in_workspace(Action.MANAGE)
def listing(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    rows = workspace.intake_tokens.select_related("created_by").order_by("name", "-created_at")
    context = {
        "plain": shown_once.take(request),
        "tokens": rows.filter(tokens.works()),
        "ended": rows.exclude(tokens.works()).order_by("-created_at")[:MOST_ENDED],
    }
    answer = render(request, "connectors/settings/tokens.html", context)
    if context["plain"]:
        shown_once.forget(answer, request.path)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def create(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    form = TokenForm(request.POST if request.method == "POST" else None, initial={"scopes": [Scope.INTAKE]})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        _token, plain = tokens.create(workspace, data["name"], data["scopes"], by(request))
        return _show(workspace, plain)
    return render(
        request,
        "connectors/settings/token_new.html",
        {"form": form, "chosen": form["scopes"].value() or []},
        status=REFUSED if form.is_bound else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def rotate(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    token = _find(workspace, pk)
    form = OverlapForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            _fresh, plain = tokens.rotate(token, form.cleaned_data["hours"], by(request))
        except tokens.Ended:
            messages.error(request, _("That token does not work any more. Create a new one."))
            return see_other("tokens", workspace.slug)
        return _show(workspace, plain)
    return ask(
        request,
        "connectors/settings/token_rotate.html",
        {"token": token, "form": form},
        REFUSED if form.is_bound else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def revoke(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    token = _find(workspace, pk)
    if request.method != "POST":
        return ask(request, "connectors/settings/token_revoke.html", {"token": token})
    tokens.revoke(token, by(request))
    messages.success(
        request, _("“%(name)s” is revoked; requests with it are refused now.") % {"name": token.name}
    )
    return see_other("tokens", workspace.slug)


def _find(workspace: Workspace, pk: int) -> IntakeToken:
    return get_object_or_404(IntakeToken, workspace=workspace, pk=pk)


def _show(workspace: Workspace, plain: str) -> HttpResponse:
    answer = see_other("tokens", workspace.slug)
    shown_once.hand_over(answer, plain, reverse("tokens", args=[workspace.slug]))
    return answer
