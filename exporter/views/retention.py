"""Settings › Retention: how long this workspace keeps events, within what the installation keeps."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, by, see_other
from exporter.actions import retention as actions
from exporter.log import retention
from exporter.reports import replays


class RetentionForm(forms.Form):
    hours = forms.IntegerField(label=gettext_lazy("Keep events for so many hours"), required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def change(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    initial = {"hours": workspace.retention_hours}
    form = RetentionForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            actions.change(workspace, form.cleaned_data["hours"], by(request))
            messages.success(request, _("Saved."))
            return see_other("retention", workspace.slug)
        except actions.RetentionRefused as refused:
            form.add_error("hours", str(refused))
    oldest = replays.oldest_at(workspace)
    context = {
        "form": form,
        "hours": retention.hours_of(workspace),
        "least": retention.least_hours(),
        "most": retention.most_hours(),
        "oldest": oldest,
        "until": retention.kept_until(workspace, oldest) if oldest else None,
    }
    status = REFUSED if form.is_bound and form.errors else 200
    return render(request, "exporter/retention.html", context, status=status)
