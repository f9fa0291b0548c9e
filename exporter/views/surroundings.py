"""The banner and the sidebar's foot by themselves: every page of a workspace asks for them while it is seen."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from exporter.views.banner import Surroundings
from exporter.views.live_page import stamped


@require_safe
@in_workspace(Action.SEE)
def banner(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """`?here=` is the path of the page that asks, which needs no banner pointing at itself."""
    around = Surroundings(workspace, request.GET.get("here", ""))
    content = render_to_string("exporter/banner_live.html", {"around": around}, request)
    fresh = stamped(request, content)
    return HttpResponse(status=204) if fresh is None else HttpResponse(fresh)
