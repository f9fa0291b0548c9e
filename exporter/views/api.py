"""Status for machines: what the connector's page says, as JSON, for tokens with the scope `read`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.models import Connector, Scope
from exporter import status, tokens_in_use
from exporter.problem import problem


@csrf_exempt
def connector_status(request: HttpRequest, connector_id: int) -> HttpResponse:
    """`GET /api/v1/connectors/<id>/status`; another workspace's connector is 404."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, "Use GET here.", Allow="GET, HEAD")
    try:
        token = tokens_in_use.check(request.headers.get("Authorization", ""), Scope.READ)
        connector = Connector.objects.filter(pk=connector_id, workspace_id=token.workspace_id).first()
        if connector is None:
            return problem(404, "This token's workspace has no connector with this id.")
        return JsonResponse(as_json(status.summary(connector)))
    except tokens_in_use.BadToken as error:
        return problem(401, str(error), WWW_Authenticate="Bearer")
    except tokens_in_use.WrongScope as error:
        return problem(403, str(error))
    except DatabaseError:
        return problem(503, "The status cannot be read now. Ask again in a few seconds.", Retry_After="5")


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
        "failing_since": _moment(summary.failing_since),
        "next_attempt_at": _moment(summary.next_attempt_at),
        "last_accepted_at": _moment(summary.accepted_at),
        "first_loss_at": _moment(summary.first_loss_at),
        "verified": summary.verified,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
