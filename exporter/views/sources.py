"""Settings › Sources: buckets and folders a workspace follows, beside what is sent to its intake."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import REFUSED, ask, by, see_other
from exporter.actions import sources
from exporter.models import Source
from exporter.models.sources import Taken
from exporter.reports import source_state
from exporter.sources.address import BadAddress
from exporter.sources.store import Trouble
from exporter.views import live_page
from exporter.views.source_forms import ALL_SECRETS, KeysForm, SourceForm

MOST_SET_ASIDE = 50


@require_safe
@in_workspace(Action.MANAGE)
def listing(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    rows = source_state.states(list(Source.objects.filter(workspace=workspace).order_by("url")))
    return render(request, "exporter/sources.html", {"states": rows})


@sensitive_post_parameters(*ALL_SECRETS)
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
@at_most(CostlyKind.OUTSIDE)
def new(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """A `check` in the POST looks and adds nothing."""
    may_lend = bool(getattr(request.user, "is_owner", False))
    form = SourceForm(request.POST if request.method == "POST" else None, may_lend=may_lend)
    context: dict[str, Any] = {"form": form, "may_lend": may_lend}
    if request.method == "POST" and form.is_valid():
        try:
            if "check" not in request.POST:
                made = sources.add(workspace, form.wish(), by(request))
                messages.success(request, _("Following. What it finds goes into the log."))
                return see_other("source", workspace.slug, made.pk)
            context["found"] = sources.check(form.wish())
        except sources.Standing:
            form.add_error("url", _("This workspace follows this address already."))
        except BadAddress as error:
            form.add_error(error.field, str(error))
        except Trouble as error:
            form.add_error("url", str(error))
    status = REFUSED if form.is_bound and form.errors else 200
    return render(request, "exporter/source_new.html", context, status=status)


@require_safe
@in_workspace(Action.MANAGE)
def one(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    source = _find(workspace, pk)
    (state,) = source_state.states([source])
    told = (state.health, state.waiting, state.set_aside, state.objects, state.events, source.trouble)
    # How far it is behind is told in minutes.
    minutes = state.lag and state.lag.total_seconds() // 60
    stamp = live_page.stamp_of(told, minutes, source.last_object, source.accepted)
    if live_page.unchanged(request, stamp):
        return HttpResponse(status=204)
    aside = source.entries.filter(state=Taken.SET_ASIDE).order_by("-pk")[:MOST_SET_ASIDE]
    context = {"state": state, "source": source, "aside": aside, "local": source.url.startswith("file:")}
    return live_page.page_or_part(
        request, "exporter/source.html", "exporter/source_live.html", context, stamp=stamp
    )


@sensitive_post_parameters(*ALL_SECRETS)
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
@at_most(CostlyKind.OUTSIDE)
def credentials(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """Other keys for an address that is followed; a `check` in the POST looks and changes nothing."""
    source = _find(workspace, pk)
    may_lend = bool(getattr(request.user, "is_owner", False))
    form = KeysForm(request.POST if request.method == "POST" else None, may_lend=may_lend, source=source)
    context: dict[str, Any] = {"form": form, "may_lend": may_lend, "source": source, "kind": form.kind}
    if form.is_bound and form.is_valid():
        try:
            if "check" not in request.POST:
                sources.change_credentials(source, form.secrets(), form.options(), by(request))
                messages.success(request, _("Changed. It is read with them from now on."))
                return see_other("source", workspace.slug, source.pk)
            wish = sources.Wish(source.url, options=form.options(), secrets=form.secrets())
            context["found"] = sources.check(wish)
        except BadAddress as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        except Trouble as error:
            form.add_error(None, str(error))
    status = REFUSED if form.is_bound and form.errors else 200
    return render(request, "exporter/source_credentials.html", context, status=status)


@require_POST
@in_workspace(Action.MANAGE)
def act(request: HttpRequest, workspace: Workspace, pk: int, act: str) -> HttpResponseBase:
    source = _find(workspace, pk)
    match act:
        case "pause":
            sources.pause(source, by(request))
            messages.success(request, _("Paused. Nothing new is taken until you resume it."))
        case "resume":
            sources.resume(source, by(request))
            messages.success(request, _("Resumed."))
        case "retry":
            count = sources.retry(source, by(request))
            words = ngettext("%(n)d object is tried again.", "%(n)d objects are tried again.", count)
            messages.success(request, words % {"n": count})
        case _:
            raise Http404
    return see_other("source", workspace.slug, source.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
def remove(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    source = _find(workspace, pk)
    if request.method != "POST":
        return ask(request, "exporter/source_remove.html", {"source": source})
    sources.remove(source, by(request))
    messages.success(request, _("Removed. What it brought stays in the log."))
    return see_other("sources", workspace.slug)


def _find(workspace: Workspace, pk: int) -> Source:
    return get_object_or_404(Source, workspace=workspace, pk=pk)
