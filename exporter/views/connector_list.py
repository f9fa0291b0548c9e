"""Data Export: the Currents of a workspace, or, while there is none, what a Current is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, ConnectorType, Scope, Workspace
from connectors.vault import shown_once
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import by, is_partial, see_other
from connectors.workspaces import tokens
from exporter.models import RefusalCount, Source
from exporter.reports import event_search
from exporter.reports import summary as status
from exporter.reports.health import Health
from exporter.reports.summary import Summary
from exporter.views.banner import is_receiving
from exporter.views.live_page import page_or_part

REFUSED_WITHIN = timedelta(days=7)
BRAZE = "Braze"


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
        "receiving": is_receiving(last_received_at),
        "received_24h": received_24h,
        "hourly": hourly,
        "all_events": len(CATALOGUE.events),
        "standing": next((s.connector for s in summaries if s.connector.type == ConnectorType.SEGMENT), None),
    }
    if not summaries:
        return _first_run(request, workspace, context)
    return page_or_part(request, "exporter/list.html", "exporter/list_live.html", context)


@require_POST
@in_workspace(Action.MANAGE)
def braze_token(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """The token Braze needs, made where its steps are told, and shown there once."""
    _token, plain = tokens.create(workspace, BRAZE, [Scope.INTAKE], by(request))
    answer = see_other("data_export", workspace.slug)
    shown_once.hand_over(answer, plain, reverse("data_export", args=[workspace.slug]))
    return answer


def _first_run(request: HttpRequest, workspace: Workspace, context: dict[str, Any]) -> HttpResponseBase:
    """What is still missing between Braze and here; it turns green while the page is open."""
    standing = tokens.standing(workspace).filter(scopes__contains=[Scope.INTAKE])
    used = standing.exclude(last_used_at=None).order_by("-last_used_at").first()
    context |= {
        "test_events": event_search.test_events_came(workspace.pk),
        "intake_address": f"{settings.SITE_URL}/api/v1/events",
        "intake_token": standing.order_by("-created_at").first(),
        "probed_at": used.last_used_at if used else None,
        "plain": None if is_partial(request) else shown_once.take(request),
    }
    answer = page_or_part(request, "exporter/first_run.html", "exporter/first_run_live.html", context)
    if context["plain"]:
        shown_once.forget(answer, request.path)
    return answer


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


_RANK = {health: rank for rank, health in enumerate(Health)}


def by_trouble(summary: Summary) -> tuple[int, str]:
    """The order of every list: what needs somebody first."""
    return (_RANK[summary.health], summary.connector.name.casefold())
