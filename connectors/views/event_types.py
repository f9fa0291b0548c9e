"""One event type of the catalogue: what it becomes in Segment, field by field."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.catalogue.catalogue import CATALOGUE
from connectors.catalogue.event_type import IDENTITY, EventType
from connectors.web.request_helpers import is_partial

USER_FIELDS = ("external_user_id", "user_id")


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One value of the Segment call; `personal` if it tells who somebody is or where."""

    in_segment: str
    field: str
    type: str
    personal: bool


@require_safe
@login_required
def event_type(request: HttpRequest, name: str) -> HttpResponse:
    event = CATALOGUE.by_name.get(name)
    if event is None:
        raise Http404
    template = "connectors/event_type.html#fields" if is_partial(request) else "connectors/event_type.html"
    return render(request, template, {"event": event, "rows": rows_of(event)})


def rows_of(event: EventType) -> list[SeenRow]:
    """Personal data first, as it matters most when somebody chooses."""
    users = [(place, field, "string") for place, field in IDENTITY if field in USER_FIELDS]
    places = users + [
        (place, source, target.type) for place, target in event.places for source in target.sources
    ]
    rows = [SeenRow(place, field, kind, field in event.pii) for place, field, kind in places]
    return sorted(rows, key=lambda row: not row.personal)
