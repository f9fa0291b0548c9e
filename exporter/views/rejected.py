"""Rejected events of a connector, and what the intake of a workspace refused: why, what to do, trying again."""

from __future__ import annotations

import psycopg
from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, allows, in_workspace
from connectors.web.request_helpers import by, find, see_other
from exporter.actions import retries
from exporter.intake.store import WorkspaceBusy
from exporter.reports import rejected
from exporter.views.live_page import page_or_part


def _personal(request: HttpRequest) -> bool:
    return allows(getattr(request, "role", None), Action.SEE_PERSONAL_DATA)


@require_safe
@in_workspace(Action.SEE)
def by_segment(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    groups = rejected.groups(connector, personal=_personal(request))
    context = {
        "connector": connector,
        "groups": groups,
        "total": sum(group.count for group in groups),
        "progress": rejected.progress(connector),
        "personal": _personal(request),
    }
    return page_or_part(request, "exporter/rejected.html", "exporter/rejected_live.html", context)


@require_POST
@in_workspace(Action.CONFIGURE)
def retry(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    try:
        retries.retry_all(connector, by(request))
        messages.success(request, _("Sending them again. What Segment accepts leaves this page."))
    except retries.AlreadyRetrying:
        messages.error(request, _("They are being sent again already."))
    except retries.Nothing:
        messages.error(request, _("There is nothing to send again: the log no longer holds these events."))
    return see_other("rejected", workspace.slug, connector.pk)


@require_safe
@in_workspace(Action.SEE)
def by_intake(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    groups = rejected.refused_groups(workspace, personal=_personal(request))
    context = {
        "groups": groups,
        "total": sum(group.count for group in groups),
        "personal": _personal(request),
    }
    return page_or_part(request, "exporter/refused.html", "exporter/rejected_live.html", context)


@require_POST
@in_workspace(Action.CONFIGURE)
def retry_refused(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    try:
        told = retries.retry_refused(workspace, by(request))
        words = _("%(good)s taken now, %(bad)s refused again.")
        messages.success(request, words % {"good": told.accepted + told.duplicates, "bad": told.refused})
    except (WorkspaceBusy, DatabaseError, psycopg.Error):
        messages.error(request, _("The log is busy; some were not tried. Try again in a moment."))
    return see_other("refused", workspace.slug)
