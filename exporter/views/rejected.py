"""Rejected events of a connector, and what the intake of a workspace refused: why, what to do, trying again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Connector, Workspace
from connectors.web.permissions import Action, allows, in_workspace
from connectors.web.request_helpers import by, find, see_other
from exporter.actions import retries
from exporter.models import RefusedRetry
from exporter.reports import rejected
from exporter.views import live_page

_LONGEST_NUMBER = 19


def _personal(request: HttpRequest) -> bool:
    return allows(getattr(request, "role", None), Action.SEE_PERSONAL_DATA)


@require_safe
@in_workspace(Action.SEE)
def by_segment(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`?samples=` is one of the newest events of the group whose events are shown."""
    connector = find(workspace, pk)
    progress = rejected.progress(connector)
    return _page(request, workspace, connector, progress, "exporter/rejected.html")


@require_safe
@in_workspace(Action.SEE)
def by_intake(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    progress = RefusedRetry.objects.filter(workspace=workspace).first()
    return _page(request, workspace, None, progress, "exporter/refused.html")


def _page(
    request: HttpRequest, workspace: Workspace, connector: Connector | None, progress: Any, page: str
) -> HttpResponseBase:
    chosen = request.GET.get("samples", "")
    chosen = chosen if chosen.isascii() and chosen.isdigit() and len(chosen) < _LONGEST_NUMBER else ""
    told = progress if isinstance(progress, tuple) else progress and (progress.position, progress.finished_at)
    edges, state = rejected.edges(connector, workspace), connector and connector.state
    stamp = live_page.stamp_of(edges, state, told, chosen, _personal(request))
    if live_page.unchanged(request, stamp):
        return HttpResponse(status=204)
    groups = rejected.groups(connector) if connector else rejected.refused_groups(workspace)
    opened = next((group for group in groups if chosen and int(chosen) in group.newest), None)
    total = sum(group.count for group in groups)
    context = {
        "connector": connector,
        "groups": groups,
        "opened": opened,
        "samples": rejected.samples(workspace.pk, opened, personal=_personal(request)) if opened else [],
        "total": total,
        "more": total == rejected.MOST_CLASSIFIED,
        "can_be_sent": not connector or not groups or rejected.can_be_sent(connector),
        "gone": rejected.counted(connector) if connector and not groups else 0,
        "progress" if connector else "again": progress,
        "personal": _personal(request),
    }
    part = "exporter/rejected_live.html"
    return live_page.page_or_part(request, page, part, context, stamp=stamp, state={"samples": chosen})


@require_POST
@in_workspace(Action.CONFIGURE)
def retry(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    try:
        retries.retry_all(connector, by(request))
        messages.success(request, _("Sending them again. What Segment accepts leaves this page."))
    except retries.AlreadyRetrying:
        messages.error(request, _("Rejected events are being sent again already. Wait until that is over."))
    except retries.Nothing:
        messages.error(request, _("There is nothing to send again: the log no longer holds these events."))
    return see_other("rejected", workspace.slug, connector.pk)


@require_POST
@in_workspace(Action.CONFIGURE)
def retry_refused(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    try:
        retries.retry_refused(workspace, by(request))
        messages.success(request, _("They go through the intake again. What is good now leaves this page."))
    except retries.AlreadyRetrying:
        messages.error(request, _("They go through the intake again already."))
    except retries.Nothing:
        messages.error(request, _("There is nothing to try again: long events are kept in part only."))
    return see_other("refused", workspace.slug)
