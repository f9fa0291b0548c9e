"""Settings › Imports: Currents files from a person's own machine into the log, in pieces that hold no thread."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Connector, Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, by, see_other
from exporter.actions import imports
from exporter.intake import uploads
from exporter.models import Upload
from exporter.models.uploads import Stage
from exporter.reports import masking
from exporter.views import live_page

MOST_LISTED = 50
FIRST_EVENTS = 5


@require_safe
@in_workspace(Action.MANAGE)
def listing(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    rows = Upload.objects.filter(workspace=workspace).select_related("created_by").order_by("-pk")
    context = {
        "uploads": rows[:MOST_LISTED],
        "most_megabytes": imports.MOST_BYTES // 1_000_000,
        "piece": imports.MOST_PIECE,
    }
    return render(request, "exporter/imports.html", context)


@require_POST
@in_workspace(Action.MANAGE)
def begin(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """`name` and `size` of a file; answered with the address its pieces go to."""
    size = request.POST.get("size", "")
    try:
        upload = imports.begin(
            workspace,
            request.POST.get("name", ""),
            int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0,
            by(request),
        )
    except imports.ImportRefused as error:
        return JsonResponse({"detail": str(error)}, status=REFUSED)
    page = reverse("import", args=[workspace.slug, upload.pk])
    return JsonResponse({"page": page, "pieces": f"{page}pieces/"}, status=201)


@require_POST
@in_workspace(Action.MANAGE)
def piece(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """The next bytes of the file as the body; `?at=` is their place in it."""
    upload = _find(workspace, pk)
    at = request.GET.get("at", "")
    try:
        place = int(at) if at.isascii() and at.isdigit() and len(at) < 16 else -1
        current = imports.add_piece(upload, place, request.body)
    except imports.ImportRefused as error:
        return JsonResponse({"detail": str(error)}, status=REFUSED)
    return JsonResponse({"received": current.received})


@require_safe
@in_workspace(Action.MANAGE)
def one(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    upload = _find(workspace, pk)
    replay = upload.replay.state if upload.replay else ""
    stamp = live_page.stamp_of(upload.stage, upload.position, upload.received, replay)
    if live_page.unchanged(request, stamp):
        return HttpResponse(status=204)
    context: dict[str, Any] = {"upload": upload, "stage": Stage}
    if upload.stage == Stage.ARRIVED:
        found, troubles = uploads.preview(upload, FIRST_EVENTS)
        context["events"] = [_shown(one) for one in found]
        context["troubles"] = troubles[:FIRST_EVENTS]
        context["connectors"] = _connectors(workspace)
    return live_page.page_or_part(
        request, "exporter/import.html", "exporter/import_live.html", context, stamp=stamp
    )


@require_POST
@in_workspace(Action.MANAGE)
def act(request: HttpRequest, workspace: Workspace, pk: int, act: str) -> HttpResponseBase:
    upload = _find(workspace, pk)
    try:
        match act:
            case "start":
                only = _only(request, workspace)
                imports.start(upload, by(request), only=only, same_ids=request.POST.get("ids") != "new")
            case "cancel":
                imports.cancel(upload, by(request))
                messages.success(request, _cancelled(upload))
            case _:
                raise Http404
    except imports.ImportRefused as error:
        messages.error(request, str(error))
    return see_other("import", workspace.slug, upload.pk)


def _connectors(workspace: Workspace) -> QuerySet[Connector]:
    return Connector.objects.filter(workspace=workspace).order_by("name", "pk")


def _only(request: HttpRequest, workspace: Workspace) -> Connector | None:
    """The connector the events are for; None where they are for all. Raises ImportRefused."""
    if request.POST.get("into", "log") == "log":
        return None
    named = request.POST.get("connector", "")
    key = int(named) if named.isascii() and named.isdigit() and len(named) < 16 else 0
    only = _connectors(workspace).filter(pk=key).first()
    if only is None:
        raise imports.ImportRefused(_("Choose the connector the events are for."))
    return only


def _cancelled(upload: Upload) -> str:
    if upload.replay_id is None:
        return _("Cancelled. What is in the log already stays there.")
    return _("Cancelled. Nothing of it is sent.")


def _shown(raw: dict[str, Any] | bytes) -> dict[str, Any]:
    text = raw if isinstance(raw, bytes) else json.dumps(raw, default=str).encode()
    return masking.shown(text, personal=True)


def _find(workspace: Workspace, pk: int) -> Upload:
    return get_object_or_404(Upload.objects.select_related("replay__connector"), workspace=workspace, pk=pk)
