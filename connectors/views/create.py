"""Create New Current › Segment Data Export."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
from connectors.models import Connector, ConnectorType, Workspace
from connectors.setup import lifecycle
from connectors.setup.forms import LaunchForm
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, by, field_remarks, see_other
from connectors.workspaces.archived import Archived


# The list of a hundred event types shrinks to a twelfth; nothing secret stands in the page beside it.
@gzip_page
@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
def create(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    form = LaunchForm(request.POST if request.method == "POST" else None)
    if (remarks := field_remarks(request, form)) is not None:
        return remarks
    standing = Connector.objects.filter(workspace=workspace, type=ConnectorType.SEGMENT).first()
    status = 200
    if request.method == "POST" and standing is not None:
        status = IN_THE_WAY
    elif request.method == "POST" and not form.is_valid():
        status = REFUSED
    elif request.method == "POST":
        try:
            connector = lifecycle.launch(
                workspace,
                form.settings(),
                region=form.cleaned_data["region"],
                write_key=form.cleaned_data["write_key"],
                by=by(request),
            )
        except Archived:
            raise Http404 from None
        except lifecycle.TypeTaken as taken:
            standing, status = taken.standing, IN_THE_WAY
        else:
            messages.success(request, _("Launched. Events that arrive from now on go to Segment."))
            return see_other("status", workspace.slug, connector.pk)
    context = {
        "form": form,
        "standing": standing,
        "catalogue": CATALOGUE,
        "engagement": MESSAGE_ENGAGEMENT,
        "reference": REFERENCE_PAGE,
        "chosen": set(form.chosen()),
        "expiry_hours": settings.CURRENTS_EXPIRY_HOURS,
    }
    return render(request, "connectors/create.html", context, status=status)
