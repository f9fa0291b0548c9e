"""Data Export: the Currents of a workspace, or, while there is none, what a Current is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Sum
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, ConnectorType, Workspace
from connectors.web.permissions import Action, in_workspace
from exporter.display.health_words import HEALTH
from exporter.models import RefusalCount, Source
from exporter.reports import event_search
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.reports.summary import Summary
from exporter.views.live_page import page_or_part

REFUSED_WITHIN = timedelta(days=7)


@require_safe
@in_workspace(Action.SEE)
def data_export(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    connectors = Connector.objects.filter(workspace=workspace).select_related("workspace", "paused_by")
    summaries = sorted(status.summaries(connectors), key=by_trouble)
    last_received_at, received_24h, hourly = status.intake_seen(workspace)
    context = {
        "workspace": workspace,
        "refused": refused_lately(workspace),
        "failing_sources": Source.objects.filter(workspace=workspace, paused=False)
        .exclude(trouble="")
        .count(),
        "summaries": summaries,
        "last_received_at": last_received_at,
        "received_24h": received_24h,
        "hourly": hourly,
        "all_events": len(CATALOGUE.events),
        "standing": next((s.connector for s in summaries if s.connector.type == ConnectorType.SEGMENT), None),
    }
    if not summaries:
        context["test_events"] = event_search.test_events_came(workspace.pk)
        return render(request, "exporter/first_run.html", context)
    return page_or_part(request, "exporter/list.html", "exporter/list_live.html", context)


def refused_lately(workspace: Workspace) -> int:
    """How many events the intake refused within about a week."""
    since = timezone.now().date() - REFUSED_WITHIN
    days = RefusalCount.objects.filter(workspace=workspace, day__gte=since)
    return days.aggregate(refused=Sum("count"))["refused"] or 0


_TROUBLE_FIRST = {health: rank for rank, health in enumerate(HEALTH)}


def trouble_first(health: Health, workspace: str, name: str) -> tuple[int, str, str]:
    """The order of every list: what needs somebody first, then by workspace and name."""
    return (_TROUBLE_FIRST[health.value], workspace.casefold(), name.casefold())


def by_trouble(summary: Summary) -> tuple[int, str, str]:
    return trouble_first(summary.health, summary.connector.workspace.name, summary.connector.name)
