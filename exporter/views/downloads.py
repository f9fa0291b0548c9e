"""Downloads: rejected events as NDJSON, the table by event type as CSV."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from connectors.audit.actions import AuditAction
from connectors.audit.record import record
from connectors.models import Connector, Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import by, find
from exporter.display import type_csv
from exporter.reports import balance, rejected, summary


@require_safe
@in_workspace(Action.CONFIGURE)
@at_most(CostlyKind.FILE)
def rejected_events(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    action = AuditAction.REJECTED_DOWNLOADED
    record(action, by(request), workspace=workspace, target=connector.name, after=_size(workspace, connector))
    return _ndjson(
        StreamingHttpResponse(rejected.download(workspace.pk, connector)), f"rejected-{connector.pk}"
    )


@require_safe
@in_workspace(Action.CONFIGURE)
@at_most(CostlyKind.FILE)
def refused_events(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    action = AuditAction.REFUSED_DOWNLOADED
    record(action, by(request), workspace=workspace, after=_size(workspace, None))
    return _ndjson(StreamingHttpResponse(rejected.download(workspace.pk, None)), f"refused-{workspace.slug}")


@require_safe
@in_workspace(Action.SEE)
@at_most(CostlyKind.FILE)
def by_type(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`?window=` as on the page; since launch without one."""
    connector = find(workspace, pk)
    choice = balance.choose(request.GET.get("window", balance.ALL.name))
    ledger = balance.balance(summary.summary(connector), choice)
    answer = HttpResponse(type_csv.by_type(ledger), content_type="text/csv; charset=utf-8")
    return _attached(answer, f"events-by-type-{connector.pk}-{choice.name}.csv")


def _size(workspace: Workspace, connector: Connector | None) -> dict[str, int]:
    """How many events leave with a download: they hold personal data."""
    return {"events": rejected.downloadable(workspace.pk, connector)}


def _ndjson(answer: StreamingHttpResponse, name: str) -> HttpResponseBase:
    answer["Content-Type"] = "application/x-ndjson"
    return _attached(answer, f"{name}.ndjson")


def _attached(answer: HttpResponseBase, name: str) -> HttpResponseBase:
    """As a file, that no cache keeps and no browser interprets."""
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
