"""Installation › Workspaces: owners create, rename, archive and restore them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from connectors.models import User, Workspace
from connectors.web.folding import with_words
from connectors.web.permissions import for_owners, memberships_of
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, by, see_other
from connectors.web.storable_text import storable
from connectors.workspaces import workspaces

ROWS = 50


class WorkspaceForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        error_messages={"required": gettext_lazy("Give the workspace a name.")},
    )
    slug = forms.CharField(label=gettext_lazy("Short name in addresses"), max_length=60, required=False)


@require_safe
@for_owners
def listing(request: HttpRequest) -> HttpResponseBase:
    wanted = storable(request.GET.get("q", "").strip())
    every = Workspace.objects.order_by("name")
    found, over = (
        with_words(every.filter(archived_at__isnull=present), wanted, "name", "slug")
        for present in (True, False)
    )
    page, archived = Paginator(found, ROWS).get_page(request.GET.get("page")), Paginator(over, ROWS).page(1)
    context = {
        "page": page,
        "rows": _counted(page.object_list),
        "wanted": wanted,
        "archived": archived,
        "archived_rows": every.filter(pk__in=archived.object_list),
        "mine": set(
            memberships_of(request.user.pk)
            .filter(workspace_id__in=page.object_list)
            .values_list("workspace_id", flat=True)
        ),
    }
    return render(request, "connectors/settings/workspaces.html", context)


def _counted(page: Iterable[int]) -> QuerySet[Workspace]:
    """Those of the page, with how many people and connectors they have."""
    people, exports = Count("memberships", distinct=True), Count("connectors", distinct=True)
    return Workspace.objects.filter(pk__in=page).annotate(people=people, exports=exports).order_by("name")


@require_http_methods(["GET", "HEAD", "POST"])
@for_owners
def create(request: HttpRequest) -> HttpResponseBase:
    form = WorkspaceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
        data = form.cleaned_data
        slug = data["slug"] or slugify(data["name"])[:60].strip("-")
        try:
            made, _user = workspaces.create(slug, data["name"], request.user.email, by(request))
        except workspaces.WorkspaceRefused as refused:
            form.add_error("slug", str(refused))
        else:
            messages.success(request, _("Created. You are its admin; invite the others."))
            return see_other("data_export", made.slug)
    return _page(request, "workspace_new", {"form": form}, REFUSED if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@for_owners
def rename(request: HttpRequest, slug: str) -> HttpResponseBase:
    workspace = get_object_or_404(Workspace, slug=slug)
    bound = request.method == "POST"
    form = WorkspaceForm(request.POST if bound else None, initial={"name": workspace.name})
    if bound and form.is_valid():
        try:
            workspaces.rename(workspace, form.cleaned_data["name"], by(request))
        except workspaces.WorkspaceRefused as refused:
            form.add_error("name", str(refused))
        else:
            messages.success(request, _("Renamed."))
            return see_other("all_workspaces")
    return _page(
        request, "workspace_rename", {"form": form, "workspace": workspace}, REFUSED if bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@for_owners
def archive(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Archives a workspace, or restores an archived one."""
    workspace = get_object_or_404(Workspace, slug=slug)
    context: dict[str, Any] = {"workspace": workspace}
    if request.method != "POST":
        return _page(request, "workspace_archive", context)
    try:
        if workspace.archived_at is None:
            workspaces.archive(workspace, by(request))
            messages.success(request, _("“%(name)s” is archived.") % {"name": workspace.name})
        else:
            workspaces.restore(workspace, by(request))
            messages.success(request, _("“%(name)s” is open again.") % {"name": workspace.name})
    except workspaces.WorkspaceRefused as refused:
        return _page(request, "workspace_archive", context | {"refused": str(refused)}, IN_THE_WAY)
    return see_other("all_workspaces")


def _page(request: HttpRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponseBase:
    return render(request, f"connectors/settings/{name}.html", context, status=status)
