"""Settings › Webhook: where the workspace wants to be told of trouble beside its mails."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from connectors.models import Workspace
from connectors.vault import shown_once
from connectors.web.permissions import Action, in_workspace
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import REFUSED, by, see_other
from exporter.actions import webhook as acting
from exporter.incidents.webhook import NotTaken
from exporter.models import Webhook


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=acting.MOST_LETTERS,
        error_messages={"required": gettext_lazy("Enter the address that takes the posts.")},
    )


@sensitive_post_parameters("url")
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def webhook(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            secret = acting.put(workspace, form.cleaned_data["url"], by(request))
        except acting.BadTarget as error:
            form.add_error("url", str(error))
        else:
            return _show(workspace, secret)
    context: dict[str, Any] = {
        "form": form,
        "standing": Webhook.objects.filter(workspace=workspace).first(),
        "plain": shown_once.take(request),
    }
    answer = render(request, "exporter/webhook.html", context, status=REFUSED if form.is_bound else 200)
    if context["plain"]:
        shown_once.forget(answer, request.path)
    return answer


def _show(workspace: Workspace, secret: str) -> HttpResponseBase:
    answer = see_other("webhook", workspace.slug)
    shown_once.hand_over(answer, secret, reverse("webhook", args=[workspace.slug]))
    return answer


@require_POST
@in_workspace(Action.MANAGE)
@at_most(CostlyKind.OUTSIDE)
def try_webhook(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    standing = get_object_or_404(Webhook.objects.select_related("workspace"), workspace=workspace)
    try:
        acting.test(standing, by(request))
    except NotTaken as fault:
        messages.error(request, _("It was not taken: %(fault)s.") % {"fault": _(str(fault))})
    else:
        messages.success(request, _("It was taken. Look at what arrived."))
    return see_other("webhook", workspace.slug)


@require_POST
@in_workspace(Action.MANAGE)
def remove_webhook(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    acting.remove(get_object_or_404(Webhook, workspace=workspace), by(request))
    messages.success(request, _("Removed. Trouble is told by mail alone."))
    return see_other("webhook", workspace.slug)
