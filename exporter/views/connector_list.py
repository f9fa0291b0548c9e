"""Data Export: the Currents of a workspace, or, while there is none, what a Current is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
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
    refused, failing_sources = _before_the_log(workspace)
    last_received_at, received_24h, hourly = status.intake_seen(workspace)
    context = {
        "workspace": workspace,
        "refused": refused,
        "failing_sources": failing_sources,
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


def _before_the_log(workspace: Workspace) -> tuple[int, int]:
    """How many events the intake refused within about a week, and how many sources are failing; in one statement."""
    of_it = {"workspace": OuterRef("pk")}
    since = timezone.now().date() - REFUSED_WITHIN
    refused = RefusalCount.objects.filter(day__gte=since, **of_it).values("workspace").values(n=Sum("count"))
    failing = Source.objects.filter(paused=False, **of_it).exclude(trouble="").order_by()
    found: tuple[int, int] = (
        Workspace.objects.filter(pk=workspace.pk)
        .values_list(
            Coalesce(Subquery(refused), 0),
            Coalesce(Subquery(failing.values("workspace").values(n=Count("pk"))), 0),
        )
        .get()
    )
    return found


_TROUBLE_FIRST = {health: rank for rank, health in enumerate(HEALTH)}


def trouble_first(health: Health, workspace: str, name: str) -> tuple[int, str, str]:
    """The order of every list: what needs somebody first, then by workspace and name."""
    return (_TROUBLE_FIRST[health.value], workspace.casefold(), name.casefold())


def by_trouble(summary: Summary) -> tuple[int, str, str]:
    return trouble_first(summary.health, summary.connector.workspace.name, summary.connector.name)
