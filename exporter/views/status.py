"""A connector's page: its status, and *Try now*."""

from __future__ import annotations

import time

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import by, find, is_partial, see_other
from exporter.actions import try_now as trying
from exporter.display import status_page, type_table
from exporter.reports import balance
from exporter.reports import summary as delivery_status
from exporter.views.live_page import page_or_part, unchanged

# Words such as “2 s ago” are made anew at least this often, in seconds.
WORDS_AGE = 10


@require_safe
@in_workspace(Action.SEE)
def status(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    choice = balance.choose(request.GET.get("window", ""))
    sort = type_table.choose(request.GET.get("sort", ""))
    all_types = request.GET.get("types") == "all"
    state = {"window": choice.name, "sort": sort.name} | ({"types": "all"} if all_types else {})
    stamp = ""
    if is_partial(request):
        age = int(time.time()) // WORDS_AGE
        stamp = f"{'.'.join(state.values())}.{delivery_status.stamp(connector)}.{age}"
    if unchanged(request, stamp):
        return HttpResponse(status=204)
    page, part = "exporter/status.html", "exporter/status_live.html"
    context = status_page.gather(connector, choice, sort, all_types=all_types)
    return page_or_part(request, page, part, context, stamp=stamp, state=state)


@require_POST
@in_workspace(Action.CONFIGURE)
def try_now(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    if connector.is_paused:
        messages.error(request, _("The connector is paused, so nothing is tried. Resume it first."))
    else:
        trying.try_now(connector, by(request))
        messages.success(request, _("Trying now. The answer shows here in a moment."))
    return see_other("status", workspace.slug, connector.pk)
