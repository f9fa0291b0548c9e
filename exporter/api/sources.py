"""Sources for machines: what the pages say, as JSON, for tokens with the scope `read`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from connectors.models import Scope
from exporter.api.bearer import Token
from exporter.api.guard import with_token
from exporter.api.moments import iso
from exporter.models import Source
from exporter.reports import source_state
from exporter.reports.source_state import SourceState


@with_token({"GET": Scope.READ})
def collection(request: HttpRequest, token: Token) -> HttpResponse:
    """`GET /api/v1/sources`: those of the token's workspace, by address."""
    rows = list(Source.objects.filter(workspace_id=token.workspace_id).order_by("url"))
    return JsonResponse({"sources": [as_json(one) for one in source_state.states(rows)]})


def as_json(one: SourceState) -> dict[str, Any]:
    """Times are ISO 8601 UTC or null."""
    source = one.source
    return {
        "id": source.pk,
        "url": source.url,
        "health": one.health.value,
        "trouble": source.trouble,
        "failing_since": iso(source.failing_since),
        "late_since": iso(source.late_since),
        "lag_seconds": one.lag.total_seconds() if one.lag else 0.0,
        "objects_waiting": one.waiting,
        "objects_set_aside": one.set_aside,
        "objects_taken": source.objects_taken,
        "accepted": source.accepted,
        "duplicates": source.duplicates,
        "refused": source.refused,
        "last_object": source.last_object,
        "last_object_at": iso(source.last_object_at),
    }
