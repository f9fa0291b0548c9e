"""Rotate write key: another key, and region, from the next request on."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connectors import lifecycle
from connectors.forms import RotateForm
from connectors.models import Workspace
from connectors.permissions import Action, in_workspace
from connectors.views.answers import REFUSED, by, field_remarks, find, see_other


@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.ROTATE)
def write_key(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    form = RotateForm(request.POST if request.method == "POST" else None, current=connector.region)
    if (remarks := field_remarks(request, form)) is not None:
        return remarks
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        lifecycle.rotate(connector, write_key=data["write_key"], region=data["region"], by=by(request))
        messages.success(request, _("The key is switched. The next request to Segment uses it."))
        return see_other("status", workspace.slug, connector.pk)
    keys = connector.write_keys.select_related("created_by").defer("ciphertext").order_by("-created_at")[:20]
    context = {"connector": connector, "form": form, "keys": keys}
    return render(
        request, "connectors/write_key.html", context, status=REFUSED if request.method == "POST" else 200
    )
