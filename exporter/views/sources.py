"""Settings › Sources: buckets and folders a workspace follows, beside what is sent to its intake."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, by, see_other
from connectors.workspaces.archived import Archived
from exporter.actions import sources
from exporter.models import Source
from exporter.models.sources import Begin, Taken
from exporter.reports import source_state
from exporter.sources import address
from exporter.sources.address import BadAddress
from exporter.sources.store import Trouble

MOST_SET_ASIDE = 50
_SECRETS = {
    "s3": ("access_key_id", "secret_access_key"),
    "gs": ("service_account_key",),
    "az": ("account_key", "sas_key"),
}
_OPTIONS = {"s3": ("region", "endpoint"), "gs": ("endpoint",), "az": ("account_name", "endpoint")}
_ALL_SECRETS = [name for names in _SECRETS.values() for name in names]


class SourceForm(forms.Form):
    """What a source needs; of the keys only those of its kind are looked at."""

    url = forms.CharField(label=gettext_lazy("Address"), max_length=1000)
    begin = forms.ChoiceField(label=gettext_lazy("Read from"), choices=Begin.choices, initial=Begin.NOW)
    day = forms.DateField(label=gettext_lazy("Day"), required=False)
    region = forms.CharField(label=gettext_lazy("Region"), max_length=100, required=False)
    endpoint = forms.URLField(label=gettext_lazy("Endpoint"), required=False, assume_scheme="https")
    account_name = forms.CharField(label=gettext_lazy("Storage account"), max_length=100, required=False)
    access_key_id = forms.CharField(label=gettext_lazy("Access key ID"), max_length=200, required=False)
    secret_access_key = forms.CharField(
        label=gettext_lazy("Secret access key"), max_length=500, required=False
    )
    service_account_key = forms.CharField(
        label=gettext_lazy("Service account key (JSON)"), max_length=10_000, required=False
    )
    account_key = forms.CharField(label=gettext_lazy("Account key"), max_length=500, required=False)
    sas_key = forms.CharField(label=gettext_lazy("SAS token"), max_length=2_000, required=False)

    def __init__(self, data: Any, *, may_lend: bool) -> None:
        """`may_lend`: the person looks after the installation, so may let a workspace use the server's own rights."""
        super().__init__(data)
        self._may_lend = may_lend

    def clean_url(self) -> str:
        try:
            self.kind = address.parse(self.cleaned_data["url"]).kind
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from None
        return str(self.cleaned_data["url"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("begin") == Begin.DAY and not data.get("day"):
            self.add_error("day", _("Choose the day."))
        kind = getattr(self, "kind", "")
        if kind in _SECRETS and not self._may_lend and not any(data.get(name) for name in _SECRETS[kind]):
            self.add_error(_SECRETS[kind][0], _("Enter the key of an account that may read this bucket."))
        if kind == "az" and not data.get("account_name"):
            self.add_error("account_name", _("Enter the name of the storage account."))
        return data

    def wish(self) -> sources.Wish:
        data = self.cleaned_data
        day = datetime.combine(data["day"], time(), UTC) if data["begin"] == Begin.DAY else None
        return sources.Wish(
            data["url"],
            Begin(data["begin"]),
            day,
            {name: data[name] for name in _OPTIONS.get(self.kind, ())},
            {name: data[name] for name in _SECRETS.get(self.kind, ())},
        )


@require_safe
@in_workspace(Action.MANAGE)
def listing(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    rows = source_state.states(list(Source.objects.filter(workspace=workspace).order_by("url")))
    return render(request, "exporter/sources.html", {"states": rows})


@sensitive_post_parameters(*_ALL_SECRETS)
@require_http_methods(["GET", "HEAD", "POST"])
@in_workspace(Action.MANAGE)
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
        except Archived:
            raise Http404 from None
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
    aside = source.entries.filter(state=Taken.SET_ASIDE).order_by("-pk")[:MOST_SET_ASIDE]
    return render(request, "exporter/source.html", {"state": state, "source": source, "aside": aside})


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
        case "remove":
            sources.remove(source, by(request))
            messages.success(request, _("Removed. What it brought stays in the log."))
            return see_other("sources", workspace.slug)
        case _:
            raise Http404
    return see_other("source", workspace.slug, source.pk)


def _find(workspace: Workspace, pk: int) -> Source:
    return get_object_or_404(Source, workspace=workspace, pk=pk)
