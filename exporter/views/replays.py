"""Replays of a connector: asked for, looked at beforehand, watched, paused, resumed, cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from connectors.models import Connector, Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import REFUSED, by, find, see_other
from exporter import sql
from exporter.actions import replays as actions
from exporter.actions.replay_preview import (
    DEFAULT_OUTCOMES,
    MOST_RATE,
    ReplayRefused,
    Wanted,
    judge_rate,
    preview,
)
from exporter.display import replay_words
from exporter.log.batches import OTHER
from exporter.models import Replay, ReplayState
from exporter.models.counts import DeliveryTotal
from exporter.models.uploads import Stage
from exporter.reports import replays
from exporter.views import live_page

# What Segment suggests at most for one source.
USUAL_RATE = 1_000
_MINUTES = "%Y-%m-%dT%H:%M"


class ReplayForm(forms.Form):
    """What a person wants replayed, times in the zone of their browser. `types` are those the connector has had."""

    since = forms.DateTimeField(label=gettext_lazy("Received from"))
    until = forms.DateTimeField(label=gettext_lazy("Received until"), required=False)
    outcomes = forms.MultipleChoiceField(
        label=gettext_lazy("What became of them"), choices=replay_words.outcome_choices
    )
    event_types = forms.MultipleChoiceField(label=gettext_lazy("Event types"), required=False)
    ids = forms.ChoiceField(
        label=gettext_lazy("Message IDs"),
        choices=[("same", gettext_lazy("The same IDs")), ("new", gettext_lazy("New IDs"))],
    )
    rate = forms.IntegerField(label=gettext_lazy("Events a second, at most"), required=False)

    def __init__(self, data: Any, *, types: list[str], initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self.fields["event_types"].choices = [(name, name) for name in types]  # type: ignore[attr-defined]

    def clean_rate(self) -> int | None:
        rate: int | None = self.cleaned_data["rate"]
        try:
            judge_rate(rate)
        except ReplayRefused as refused:
            raise forms.ValidationError(str(refused)) from None
        return rate

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        return Wanted(
            since=data["since"],
            until=data["until"] or sql.clock(),
            event_types=data["event_types"],
            outcomes=data["outcomes"],
            same_ids=data["ids"] == "same",
            rate=data["rate"],
        )


@require_safe
@in_workspace(Action.SEE)
def listing(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """The form, and below it the replays so far. `?since=&outcomes=` fill in the form."""
    connector = find(workspace, pk)
    return _page(request, connector, _form(connector, None, request), {})


@require_POST
@in_workspace(Action.CONFIGURE)
def begin(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """With `look` in the POST it is only counted what would be replayed."""
    connector = find(workspace, pk)
    form = _form(connector, request.POST, request)
    context: dict[str, Any] = {}
    if form.is_valid():
        wanted = form.wanted()
        try:
            if "look" not in request.POST:
                made = actions.begin(connector, wanted, by(request))
                return see_other("replay", workspace.slug, connector.pk, made.pk)
            found = preview(connector, wanted)
            context = {"preview": found, "wanted": wanted}
            context["not_chosen"] = found.not_of(connector.selected_events)
            context |= {"types": found.by_type.most_common(), "hours": sorted(found.by_hour.items())}
            context["estimate"] = replay_words.estimate(found.events, wanted.rate)
        except ReplayRefused as refused:
            form.add_error(None, str(refused))
    return _page(request, connector, form, context)


def _page(
    request: HttpRequest, connector: Connector, form: ReplayForm, more: dict[str, Any]
) -> HttpResponseBase:
    rows = replays.of_connector(connector)
    stamp = live_page.stamp_of([(one.state, one.passed, one.replay.rate, one.failing_since) for one in rows])
    if live_page.unchanged(request, stamp):
        return HttpResponse(status=204)
    context = more | {
        "connector": connector,
        "form": form,
        "replays": rows,
        "kept": replays.kept(connector),
        "expired": replays.expired(connector),
    }
    return live_page.page_or_part(
        request,
        "exporter/replays.html",
        "exporter/replays_live.html",
        context,
        stamp=stamp,
        status=REFUSED if form.errors else 200,
    )


@require_safe
@in_workspace(Action.SEE)
def one(request: HttpRequest, workspace: Workspace, pk: int, replay_id: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    found = replays.one(connector, replay_id)
    if found is None:
        raise Http404
    upload = found.upload
    behind_a_paused_one = found.state is ReplayState.WAITING and replays.one_is_paused(connector)
    stamp = live_page.stamp_of(
        found.state,
        connector.state,
        behind_a_paused_one,
        found.passed,
        found.outcomes,
        found.replay.rate,
        found.failing_since,
        found.replay.events,
        upload and upload.stage,
    )
    if live_page.unchanged(request, stamp):
        return HttpResponse(status=204)
    context = {
        "upload": upload,
        "last_attempt": replays.last_attempt(found.replay) if found.state is ReplayState.FAILED else None,
        "moving": found.state is ReplayState.RUNNING and not connector.is_paused,
        "held": not found.state.over and connector.is_paused,
        "behind_a_paused_one": behind_a_paused_one,
        "importing": upload is not None and upload.stage == Stage.RUNNING,
        "connector": connector,
        "progress": found,
        "replay": found.replay,
        "asked": [replay_words.outcome_word(outcome) for outcome in found.replay.outcomes],
        "outcomes": [(name, count) for name, count in found.outcomes.items() if count],
        "reached_at": replays.reached_at(found.replay),
        "most_rate": MOST_RATE,
    }
    return live_page.page_or_part(
        request, "exporter/replay.html", "exporter/replay_live.html", context, stamp=stamp
    )


@require_POST
@in_workspace(Action.CONFIGURE)
def act(request: HttpRequest, workspace: Workspace, pk: int, replay_id: int, verb: str) -> HttpResponseBase:
    """`verb` is `pause`, `resume`, `cancel`, or `rate` with the field of that name."""
    replay = get_object_or_404(
        Replay.objects.select_related("connector__workspace"), **_key(workspace, pk, replay_id)
    )
    try:
        match verb:
            case "pause":
                actions.pause(replay, by(request))
            case "resume":
                actions.resume(replay, by(request))
            case "cancel":
                actions.cancel(replay, by(request))
                messages.success(request, _("Cancelled. What Segment accepted stays accepted."))
            case "rate":
                actions.change_rate(replay, _rate(request), by(request))
                messages.success(request, _("The rate has been changed."))
            case _:
                raise Http404
    except ReplayRefused as refused:
        messages.error(request, str(refused))
    return see_other("replay", workspace.slug, pk, replay_id)


def _key(workspace: Workspace, pk: int, replay_id: int) -> dict[str, Any]:
    return {"pk": replay_id, "connector_id": pk, "connector__workspace": workspace}


def _rate(request: HttpRequest) -> int | None:
    """None where nothing was typed; 0, which no replay can have, where it is no number."""
    typed = request.POST.get("rate", "").strip()
    if not typed:
        return None
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def _form(connector: Connector, data: Any, request: HttpRequest) -> ReplayForm:
    kept = replays.kept(connector)
    initial = {
        "since": request.GET.get("since") or (_typed(kept.since) if kept else ""),
        "outcomes": request.GET.getlist("outcomes") or list(DEFAULT_OUTCOMES),
        "event_types": request.GET.getlist("types"),
        "ids": "same",
        "rate": USUAL_RATE,
    }
    return ReplayForm(data, types=_types(connector), initial=initial)


def _types(connector: Connector) -> list[str]:
    totals = DeliveryTotal.objects.filter(delivery__connector=connector, delivery__kind="live", count__gt=0)
    names = totals.exclude(event_type=OTHER).values_list("event_type", flat=True)
    return sorted(set(names))


def _typed(moment: datetime) -> str:
    """A moment as the browser's field writes it."""
    return timezone.localtime(moment).strftime(_MINUTES)
