"""Pause, resume, delete: each asks first, with the number of events it concerns."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors.models import Connector, Workspace
from connectors.setup import lifecycle
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, ask, by, find, see_other
from exporter.reports import summary


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
def pause(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    if request.method != "POST":
        return _ask(request, connector, "pause")
    lifecycle.pause(connector, by=by(request))
    messages.success(request, _("Paused. Events that arrive meanwhile are kept."))
    return see_other("status", workspace.slug, connector.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
def resume(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    if request.method != "POST":
        return _ask(request, connector, "resume")
    lifecycle.resume(connector, by=by(request))
    if summary.summary(connector).stopped:
        messages.success(request, _("Resumed. What had stopped delivery before is tried again now."))
    else:
        messages.success(request, _("Resumed. What waited goes out first."))
    return see_other("status", workspace.slug, connector.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.DELETE)
def delete(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    if request.method != "POST":
        return _ask(request, connector, "delete")
    if " ".join(request.POST.get("name", "").split()) != " ".join(connector.name.split()):
        return _ask(request, connector, "delete", status_code=REFUSED, typed=request.POST.get("name", ""))
    lifecycle.delete(connector, by=by(request), pending=summary.summary(connector).pending)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": connector.name})
    return see_other("data_export", workspace.slug)


def _ask(
    request: HttpRequest, connector: Connector, verb: str, *, status_code: int = 200, **more: Any
) -> HttpResponse:
    """The question as a page of its own, or to htmx for its dialog."""
    found = summary.summary(connector)
    context = {
        "connector": connector,
        "pending": found.pending,
        "stopped": found.stopped,
        "expiry_hours": settings.CURRENTS_EXPIRY_HOURS,
        "refused": status_code == REFUSED,
        **more,
    }
    return ask(request, f"exporter/{verb}.html", context, status_code)
