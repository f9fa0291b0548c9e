"""*Why these numbers?*: how the ledger is kept, told with this connector's own."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import find
from exporter.log import retention
from exporter.reports import summary as status


@require_safe
@in_workspace(Action.SEE)
def explain(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    summary = status.summary(connector)
    settled = sum(summary.outcomes.values())
    context = {
        "connector": connector,
        "summary": summary,
        "settled": settled,
        "off_by": abs(summary.received - settled - summary.pending),
        "expiry_hours": settings.CURRENTS_EXPIRY_HOURS,
        "retention_hours": retention.hours_of(workspace),
    }
    return render(request, "exporter/explain.html", context)
