"""The incidents of a connector, past and present."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import find
from exporter.display import incident_lines
from exporter.reports import incident_history
from exporter.views.live_page import page_or_part


@require_safe
@in_workspace(Action.SEE)
def incidents(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`?before=` an incident's id. What stands there goes on while somebody watches it."""
    connector = find(workspace, pk)
    before = request.GET.get("before", "")
    found = incident_history.page(connector, int(before) if before.isdecimal() and len(before) < 18 else None)
    context = {
        "connector": connector,
        "lines": [incident_lines.told(one) for one in found.incidents],
        "more": found.more,
    }
    page, part = "exporter/incidents.html", "exporter/incidents_live.html"
    return page_or_part(request, page, part, context, state={"before": before} if before else None)
