"""Create New Current › Segment Data Export."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
from connectors.models import Connector, ConnectorType, Workspace
from connectors.setup import lifecycle
from connectors.setup.forms import NAME_LENGTH, LaunchForm
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, by, field_remarks, see_other


@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
def create(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    form = LaunchForm(request.POST if request.method == "POST" else None, initial=_preset(request, workspace))
    if (remarks := field_remarks(request, form)) is not None:
        return remarks
    standing = Connector.objects.filter(workspace=workspace, type=ConnectorType.SEGMENT).first()
    if standing is not None:
        return _taken(request, standing, IN_THE_WAY if request.method == "POST" else 200)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, REFUSED)
    try:
        connector = lifecycle.launch(
            workspace,
            form.settings(),
            region=form.cleaned_data["region"],
            write_key=form.cleaned_data["write_key"],
            by=by(request),
        )
    except lifecycle.TypeTaken as taken:
        return _taken(request, taken.standing, IN_THE_WAY)
    messages.success(request, _("Launched. Events that arrive from now on go to Segment."))
    return see_other("status", workspace.slug, connector.pk)


def _preset(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    """A name nobody has to think of, and whoever launches hears of trouble; both can be changed."""
    user: Any = request.user
    name = _("%(workspace)s to Segment") % {"workspace": workspace.name}
    return {"name": name[:NAME_LENGTH], "contact_email": user.email}


def _taken(request: HttpRequest, standing: Connector, status: int) -> HttpResponse:
    """What stands, instead of a form that could not be sent."""
    return render(request, "connectors/taken.html", {"standing": standing}, status=status)


def _page(request: HttpRequest, form: LaunchForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "catalogue": CATALOGUE,
        "engagement": MESSAGE_ENGAGEMENT,
        "reference": REFERENCE_PAGE,
        "chosen": set(form.chosen()),
        "expiry_hours": settings.CURRENTS_EXPIRY_HOURS,
    }
    return render(request, "connectors/create.html", context, status=status)
