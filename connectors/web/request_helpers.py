"""What the views of a connector have in common: fetching it, naming the person, sending the browser on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url

from connectors.audit.actor import By
from connectors.models import Connector, User, Workspace
from connectors.web import client_address

REFUSED = 422
IN_THE_WAY = 409


def is_partial(request: HttpRequest) -> bool:
    """htmx asks for a part of the page; going back in history asks for the whole one."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def by(request: HttpRequest) -> By:
    user: User | AnonymousUser = request.user
    return By(user if isinstance(user, User) else None, client_address.client_of(request))


def find(workspace: Workspace, pk: int) -> Connector:
    """The connector, if it is this workspace's. Raises Http404."""
    rows = Connector.objects.select_related("workspace", "created_by", "changed_by", "paused_by")
    return get_object_or_404(rows, workspace=workspace, pk=pk)


def ask(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A question as a page of its own; to htmx the part named `ask`, for its dialog."""
    return render(request, template + "#ask" if is_partial(request) else template, context, status=status)


def see_other(to: str, *args: object, at: str = "") -> HttpResponseRedirect:
    """`at` is the id of what comes next on that page: the browser leads there, and puts the focus on it where it has a
    tabindex."""
    return HttpResponseRedirect(resolve_url(to, *args) + (f"#{at}" if at else ""), status=303)


def field_remarks(request: HttpRequest, form: forms.Form) -> HttpResponse | None:
    """While somebody fills in a form, a field asks what the form would say about it (`?field=`)."""
    field = request.GET.get("field", "")
    if not is_partial(request) or field not in form.fields:
        return None
    return render(request, "components/remarks.html", {"form": form, "name": field})
