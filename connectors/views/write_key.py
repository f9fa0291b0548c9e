"""Rotate write key: enter, try, switch, go back. Trying speaks to Segment, so that button belongs to the exporter."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from connectors import ports
from connectors.models import Connector, User, Workspace, WriteKey
from connectors.setup import key_rotation, lifecycle
from connectors.setup.forms import RotateForm
from connectors.setup.key_check import USUAL_LENGTH
from connectors.setup.key_standing import known
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, by, field_remarks, find, is_partial, see_other

HISTORY = 20


class ReminderForm(forms.Form):
    """The day a key should be replaced by; empty for none."""

    day = forms.DateField(label=gettext_lazy("Replace the key by"), required=False)

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        # In UTC, as reminders are sent, not in the zone of the browser.
        if day is not None and day <= timezone.localdate(timezone=UTC):
            raise ValidationError(_("That day is over. Choose a later one, or leave it empty."))
        return day


@sensitive_post_parameters("write_key")
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.ROTATE)
def write_key(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`write_key` alone rotates at once; `proposed` switches to the key entered before; `seen` is the key in use when
    the page was opened."""
    connector = find(workspace, pk)
    if request.method != "POST":
        return page(request, connector, RotateForm(current=connector.region))
    if "proposed" in request.POST:
        return _switch(request, connector)
    form = RotateForm(request.POST, current=connector.region)
    if (remarks := field_remarks(request, form)) is not None:
        return remarks
    if not form.is_valid():
        return page(request, connector, form, REFUSED)
    data = form.cleaned_data
    try:
        lifecycle.rotate(
            connector, write_key=data["write_key"], region=data["region"], by=by(request), seen=_seen(request)
        )
    except lifecycle.SameKey:
        form.add_error("write_key", same_key())
        return page(request, connector, form, REFUSED)
    except lifecycle.KeyChanged as changed:
        return _too_late(request, connector, changed)
    return _switched(request, connector)


@require_POST
@in_workspace(Action.ROTATE)
def discard(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    key_rotation.discard(connector, by(request))
    return see_other("write_key", workspace.slug, connector.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.ROTATE)
def roll_back(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """Asks first. `anyway` goes back even to a key that Segment rejected when it was last used."""
    connector = find(workspace, pk)
    if request.method != "POST":
        return _ask_to_roll_back(request, connector)
    try:
        key_rotation.roll_back(
            connector, seen=_seen(request), by=by(request), anyway="anyway" in request.POST
        )
    except key_rotation.NoWayBack:
        messages.error(request, _("The former key is destroyed. Enter it again to use it."))
    except key_rotation.KeyRejected:
        return _ask_to_roll_back(request, connector, IN_THE_WAY)
    except lifecycle.KeyChanged as changed:
        return _too_late(request, connector, changed)
    else:
        messages.success(request, _("Rolled back. The next request to Segment uses the former key."))
        return see_other("status", workspace.slug, connector.pk)
    return see_other("write_key", workspace.slug, connector.pk)


@require_POST
@in_workspace(Action.ROTATE)
def reminder(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    form = ReminderForm(request.POST)
    if not form.is_valid():
        return page(request, connector, RotateForm(current=connector.region), REFUSED, reminder_form=form)
    key_rotation.remind(connector, form.cleaned_data["day"], by(request))
    messages.success(request, _("The reminder is set.") if form.cleaned_data["day"] else _("No reminder."))
    return see_other("write_key", workspace.slug, connector.pk)


@require_POST
@in_workspace(Action.CONFIGURE)
def verified(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """Somebody saw the test events in Segment's debugger: of the key in use, or of one's own proposed key."""
    connector = find(workspace, pk)
    user = request.user if isinstance(request.user, User) else None
    in_use, mine = lifecycle.key_in_use(connector), key_rotation.proposed(connector, user)
    allowed = [key.pk for key in (in_use, mine) if key is not None]
    key = get_object_or_404(WriteKey, connector=connector, pk=_whole(request.POST.get("key")), pk__in=allowed)
    try:
        key_rotation.confirm(key, by(request))
    except key_rotation.KeyRejected:
        messages.error(
            request, _("Segment rejects this key, so its events cannot have arrived. Nothing was confirmed.")
        )
    except key_rotation.NothingToSee:
        messages.error(request, _("No event was sent with this key yet. Send test events first."))
    else:
        messages.success(request, _("The key ••••%(last4)s is verified.") % {"last4": key.last4})
    if key.activated_at is None:
        return see_other("write_key", workspace.slug, connector.pk, at="switch")
    return see_other("status", workspace.slug, connector.pk)


def page(
    request: HttpRequest, connector: Connector, form: RotateForm, status: int = 200, **more: Any
) -> HttpResponse:
    """The whole flow as it stands for this person."""
    user = request.user if isinstance(request.user, User) else None
    activated = connector.write_keys.filter(activated_at__isnull=False).defer("ciphertext")
    people = activated.select_related("created_by", "retired_by", "verified_by")
    keys = list(people.order_by("-activated_at")[:HISTORY])
    answers = ports.key_answers(connector)
    proposed, former = key_rotation.proposed(connector, user), key_rotation.former(connector)
    initial = {"day": connector.key_reminder_on.isoformat() if connector.key_reminder_on else ""}
    context = {
        "connector": connector,
        "form": form,
        "keys": [(key, known(key, answers.get(key.pk))) for key in keys],
        "in_use": next((key for key in keys if key.retired_at is None), None),
        "proposed": proposed,
        "proposed_known": known(proposed) if proposed else None,
        "former": former,
        "former_known": known(former, answers.get(former.pk)) if former else None,
        "way_back_until": former.retired_at + key_rotation.KEPT if former and former.retired_at else None,
        "usual_length": USUAL_LENGTH,
        "waiting": ports.waiting(connector),
        "reminder_form": ReminderForm(initial=initial),
        **more,
    }
    return render(request, "connectors/write_key.html", context, status=status)


def same_key() -> str:
    return _("That is the key in use already, for this region. Nothing would change.")


def _switch(request: HttpRequest, connector: Connector) -> HttpResponseBase:
    key_id = _whole(request.POST.get("proposed"))
    try:
        anyway = "anyway" in request.POST
        key_rotation.switch(connector, key_id=key_id, seen=_seen(request), by=by(request), anyway=anyway)
    except key_rotation.KeyRejected:
        return page(request, connector, RotateForm(current=connector.region), IN_THE_WAY)
    except key_rotation.NothingProposed:
        messages.error(request, _("That new key is not kept any more. Enter it again."))
        return see_other("write_key", connector.workspace.slug, connector.pk)
    except lifecycle.KeyChanged as changed:
        return _too_late(request, connector, changed)
    return _switched(request, connector)


def _ask_to_roll_back(request: HttpRequest, connector: Connector, status: int = 200) -> HttpResponseBase:
    """What going back means, as a page of its own, or to htmx for its dialog."""
    former, in_use = key_rotation.former(connector), lifecycle.key_in_use(connector)
    if former is None or in_use is None:
        messages.error(request, _("The former key is destroyed. Enter it again to use it."))
        return see_other("write_key", connector.workspace.slug, connector.pk)
    answers = ports.key_answers(connector)
    context = {
        "connector": connector,
        "former": former,
        "former_known": known(former, answers.get(former.pk)),
        "in_use": in_use,
        "in_use_known": known(in_use, answers.get(in_use.pk)),
        "way_back_until": former.retired_at + key_rotation.KEPT if former.retired_at else None,
        "waiting": ports.waiting(connector),
    }
    template = "connectors/roll_back.html" + ("#ask" if is_partial(request) else "")
    return render(request, template, context, status=status)


def _switched(request: HttpRequest, connector: Connector) -> HttpResponseBase:
    messages.success(request, _("The key is switched. The next request to Segment uses it."))
    return see_other("status", connector.workspace.slug, connector.pk)


def _too_late(request: HttpRequest, connector: Connector, changed: lifecycle.KeyChanged) -> HttpResponse:
    connector.refresh_from_db()
    return page(
        request, connector, RotateForm(current=connector.region), IN_THE_WAY, meanwhile=changed.current
    )


def _seen(request: HttpRequest) -> int | None:
    """The key in use when the page was opened; a machine that sends none has seen none."""
    return _whole(request.POST["seen"]) if "seen" in request.POST else None


def _whole(text: str | None) -> int:
    """A number of a form; 0, which is nobody's, for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
