"""Find an event: what it was, when it came, what became of it for this connector. The search goes on in pieces."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, Workspace
from connectors.web.compressed import left_plain
from connectors.web.permissions import Action, allows, in_workspace, reason
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import by as person
from connectors.web.request_helpers import find as find_connector
from connectors.web.request_helpers import is_partial, see_other
from exporter.actions import replays, retries
from exporter.actions.replay_preview import ReplayRefused
from exporter.log import lookup
from exporter.reports import event_search, masking, rejected
from exporter.reports.event_search import FoundEvent, SearchBy

KINDS = (
    (SearchBy.EVENT, gettext_lazy("Event ID")),
    (SearchBy.EXTERNAL, gettext_lazy("External user ID")),
    (SearchBy.USER, gettext_lazy("Braze user ID")),
)
MOST_DIGITS = 18
MOST_NUMBER = 1 << 62


@require_safe
@in_workspace(Action.SEE)
@at_most(CostlyKind.SEARCH)
def search(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`?by=&value=` begins a search; `&before=&seen=` carry it on below an event number."""
    connector = find_connector(workspace, pk)
    by = next((kind for kind, _label in KINDS if kind.value == request.GET.get("by")), SearchBy.EVENT)
    if by != SearchBy.EVENT and not _sees_people(request):
        # Who may not see whose an event is must not find out by asking for the person.
        raise PermissionDenied(reason(Action.SEE_PERSONAL_DATA))
    value = request.GET.get("value", "")[:200]
    context = {"connector": connector, "kinds": KINDS, "by": by, "value": value}
    if value.strip():
        seen = _number(request.GET.get("seen", "")) or 0
        piece = event_search.search(workspace.pk, by, value, _number(request.GET.get("before", "")))
        if not piece.found and piece.before is None and value != value.strip():
            # An id may have blanks around it; that of a paste are the paste's.
            value = context["value"] = value.strip()
            piece = event_search.search(workspace.pk, by, value)
        seen += len(piece.found)
        context |= {
            "piece": piece,
            "seen": seen,
            "goes_on": piece.before is not None and seen < event_search.MOST_FOUND,
        }
        context["further"] = urlencode({"by": by, "value": value, "before": piece.before or 0, "seen": seen})
        if by == SearchBy.EVENT and any(not one.own_id for one in piece.found):
            # All with this id are found, however much of the log is left.
            context |= {"goes_on": False, "all_with_the_id": True}
            if seen == 1:
                context |= {"piece": None} | told(request, connector, piece.found[0])
    part = is_partial(request) and "before" in request.GET
    # Somebody's event beside the value that was looked for.
    return left_plain(
        render(request, "exporter/find_results.html" if part else "exporter/find.html", context)
    )


@require_safe
@in_workspace(Action.SEE)
@at_most(CostlyKind.SEARCH)
def one(request: HttpRequest, workspace: Workspace, pk: int, number: int) -> HttpResponseBase:
    """An event by its number: a page of its own, or to htmx its outcome alone."""
    connector = find_connector(workspace, pk)
    kept = lookup.read(workspace.pk, [number]).get(number) if number < MOST_NUMBER else None
    if kept is None:
        raise Http404
    event = json.loads(kept.line)
    known = CATALOGUE.by_name.get(event["event_type"])
    found = FoundEvent(
        number, kept.received_at, event["event_type"], known.name_in_segment(event) if known else "", event
    )
    context = {"connector": connector, "kinds": KINDS, "by": SearchBy.EVENT, "value": ""}
    context |= told(request, connector, found)
    return render(request, "exporter/fate.html" if is_partial(request) else "exporter/find.html", context)


@require_POST
@in_workspace(Action.CONFIGURE)
def send_again(request: HttpRequest, workspace: Workspace, pk: int, number: int) -> HttpResponseBase:
    """A rejected event by a retry, any other by a replay of itself."""
    connector = find_connector(workspace, pk)
    if number >= MOST_NUMBER or number not in lookup.read(workspace.pk, [number]):
        raise Http404
    try:
        if rejected.is_rejected(connector, number):
            retries.retry_one(connector, number, person(request))
            messages.success(request, _("Sending it again. If Segment accepts it, it leaves this page."))
            return see_other("rejected", workspace.slug, connector.pk)
        made = replays.send_again(connector, number, person(request))
        return see_other("replay", workspace.slug, connector.pk, made.pk)
    except retries.AlreadyRetrying:
        messages.error(request, _("Rejected events are being sent again already. Wait until that is over."))
    except retries.Nothing:
        messages.error(request, _("There is nothing to send again: the log no longer holds these events."))
    except ReplayRefused as refused:
        messages.error(request, str(refused))
    return see_other("find_event", workspace.slug, connector.pk)


def told(request: HttpRequest, connector: Connector, found: FoundEvent) -> dict[str, object]:
    personal = _sees_people(request)
    event = found.event if personal else masking.masked(found.event)
    return {"found": found, "event": event, "fate": event_search.fate(connector, found), "personal": personal}


def _sees_people(request: HttpRequest) -> bool:
    return allows(getattr(request, "role", None), Action.SEE_PERSONAL_DATA)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
