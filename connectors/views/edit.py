"""Edit › Update Current."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
from connectors.models import Connector, Workspace
from connectors.setup import lifecycle, merge_edits
from connectors.setup.forms import DetailsForm
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, by, field_remarks, find, see_other


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
def edit(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    before = DetailsForm.values_of(connector)
    if request.method != "POST":
        return _page(request, connector, DetailsForm(initial=before))
    form = DetailsForm(request.POST)
    if (remarks := field_remarks(request, form)) is not None:
        return remarks
    if not form.is_valid():
        return _page(request, connector, form, status=REFUSED)
    try:
        seen_version = int(request.POST.get("version", ""))
    except ValueError:
        seen_version = 0
    try:
        after = lifecycle.update(connector, form.settings(), seen_version=seen_version, by=by(request))
    except lifecycle.Outdated as outdated:
        return _conflict(request, find(workspace, outdated.current.pk), form)
    change = merge_edits.summary(before, DetailsForm.values_of(after))
    messages.success(request, _updated(change))
    return see_other("status", workspace.slug, connector.pk)


def _updated(change: str) -> str:
    if not change:
        return _("Nothing was changed.")
    return _("Updated: %(change)s. It takes effect within seconds; the export did not stop.") % {
        "change": change
    }


def _conflict(request: HttpRequest, connector: Connector, form: DetailsForm) -> HttpResponse:
    """Shows what was typed upon what stands now; pressing Update Current again saves that."""
    now = DetailsForm.values_of(connector)
    typed = {name: form.cleaned_data[name] for name in now}
    typed["selected_events"] = sorted(typed["selected_events"])
    typed["language"] = typed["language"] or now["language"]
    seen = merge_edits.recall(request.POST.get("seen", "")) or now
    merged = merge_edits.merge(seen, now, typed)
    context = {
        "changed_fields": merge_edits.names(seen, now),
        "differences": merge_edits.differences(seen, now, merged),
        "conflict": True,
    }
    return _page(request, connector, DetailsForm(initial=merged), status=IN_THE_WAY, **context)


def _page(
    request: HttpRequest, connector: Connector, form: DetailsForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """A form refused for its fields still remembers the state it was made from, so that a conflict is noticed."""
    fresh = not form.is_bound
    context = {
        "connector": connector,
        "form": form,
        "version": connector.version if fresh else request.POST.get("version", ""),
        "seen": merge_edits.remember(DetailsForm.values_of(connector))
        if fresh
        else request.POST.get("seen", ""),
        "catalogue": CATALOGUE,
        "engagement": MESSAGE_ENGAGEMENT,
        "reference": REFERENCE_PAGE,
        "chosen": set(form.chosen()),
        "standing_events": set(connector.selected_events),
        **more,
    }
    return render(request, "connectors/edit.html", context, status=status)
