"""Test events for a person: with the key in use, or with a new one before it is used."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, User, Workspace, WriteKey
from connectors.setup import key_rotation, lifecycle
from connectors.setup.forms import RotateForm
from connectors.setup.key_standing import known_of
from connectors.vault import sealing
from connectors.views import write_key as rotate_page
from connectors.web.permissions import Action, in_workspace
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import REFUSED, by, find, see_other
from exporter.actions import test_events as trials


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.CONFIGURE)
@at_most(CostlyKind.OUTSIDE)
def test_events(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """Send Test Events."""
    connector = find(workspace, pk)
    key = lifecycle.key_in_use(connector)
    if request.method == "POST" and key is not None:
        _send(request, key, request.POST.get("event_type", ""))
        return see_other("test_events", workspace.slug, connector.pk, at="tested")
    selected = set(connector.selected_events)
    context = {
        "connector": connector,
        "key": key,
        "known": known_of(connector, key) if key else None,
        "test_user": trials.TEST_USER,
        "types": [event for event in CATALOGUE.events if event.event_type in selected],
    }
    return render(request, "exporter/test_events.html", context)


@sensitive_post_parameters("write_key")
@require_POST
@in_workspace(Action.ROTATE)
@at_most(CostlyKind.OUTSIDE)
def try_key(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """Keeps the new key, not in use yet, and sends test events with it; without one typed, again with the kept one."""
    connector = find(workspace, pk)
    key = _kept(request, connector)
    if key is None or request.POST.get("write_key"):
        form = RotateForm(request.POST, current=connector.region)
        if not form.is_valid():
            return rotate_page.page(request, connector, form, REFUSED)
        data = form.cleaned_data
        try:
            key = key_rotation.propose(
                connector, write_key=data["write_key"], region=data["region"], by=by(request)
            )
        except lifecycle.SameKey:
            form.add_error("write_key", rotate_page.same_key())
            return rotate_page.page(request, connector, form, REFUSED)
    _send(request, key)
    return see_other("write_key", workspace.slug, connector.pk, at="tested")


def _kept(request: HttpRequest, connector: Connector) -> WriteKey | None:
    return key_rotation.proposed(connector, request.user if isinstance(request.user, User) else None)


def _send(request: HttpRequest, key: WriteKey, event_type: str = "") -> None:
    if trials.too_soon(key, timezone.now()):
        messages.error(request, _("Test events went out a moment ago. Wait a few seconds."))
        return
    try:
        trials.send(key, by(request), event_type)
    except sealing.SecretUnreadable:
        messages.error(request, _("The stored key cannot be read. An admin can enter it again."))
