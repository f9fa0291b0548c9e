"""Status for machines: what the pages say, as JSON, for tokens with the scope `read`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.models import Connector, Scope
from exporter.api import openapi
from exporter.api.bearer import Token
from exporter.api.guard import with_token
from exporter.api.moments import iso
from exporter.api.problem import problem
from exporter.reports import summary as status


@with_token({"GET": Scope.READ})
def connector_status(request: HttpRequest, token: Token, connector_id: int) -> HttpResponse:
    """`GET /api/v1/connectors/<id>/status`; another workspace's connector is 404."""
    own = Connector.objects.filter(pk=connector_id, workspace_id=token.workspace_id)
    # Asked of the rows that are there still: it may be deleted just now.
    found = status.summaries(own)
    if not found:
        return problem(404, "This token's workspace has no connector with this id.")
    return JsonResponse(as_json(found[0]))


@with_token({"GET": Scope.READ})
def connectors(request: HttpRequest, token: Token) -> HttpResponse:
    """`GET /api/v1/connectors`: the statuses of the token's workspace's connectors, oldest first."""
    own = Connector.objects.filter(workspace_id=token.workspace_id).order_by("pk")
    return JsonResponse({"connectors": [as_json(summary) for summary in status.summaries(own)]})


@csrf_exempt
def description(request: HttpRequest) -> HttpResponse:
    """`GET /api/v1/openapi.json`: what this API is, for programs that read OpenAPI. No secret, so no token."""
    if request.method not in ("GET", "HEAD"):
        return _only_get()
    return JsonResponse(openapi.description())


@csrf_exempt
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address below `/api/`, with any method."""
    return problem(404, "There is nothing at this address. /api/v1/openapi.json lists what there is.")


def as_json(summary: status.Summary) -> dict[str, Any]:
    """Totals since launch; times are ISO 8601 UTC or null."""
    return {
        "id": summary.connector.pk,
        "name": summary.connector.name,
        "type": summary.connector.type,
        "region": summary.connector.region,
        "health": summary.health.value,
        "received": summary.received,
        "outcomes": summary.outcomes,
        "pending": summary.pending,
        "lag_seconds": round(summary.lag_seconds, 3),
        "failing_since": iso(summary.failing_since),
        "next_attempt_at": iso(summary.next_attempt_at),
        "last_accepted_at": iso(summary.accepted_at),
        "first_loss_at": iso(summary.first_loss_at),
        "verified": summary.verified,
    }


def _only_get() -> HttpResponse:
    return problem(405, "Use GET here.", Allow="GET, HEAD")
