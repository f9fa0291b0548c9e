"""Settings › Audit log: who changed what, when, from where; and, for owners, what belongs to no workspace."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.audit import search, words
from connectors.audit.actions import AuditAction
from connectors.audit.record import record
from connectors.models import AuditEntry, Workspace
from connectors.web.compressed import left_plain
from connectors.web.permissions import Action, for_owners, in_workspace
from connectors.web.rate_limit import CostlyKind, at_most
from connectors.web.request_helpers import by


@require_safe
@in_workspace(Action.MANAGE)
def audit(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    return _page(request, search.of_workspace(workspace))


@require_safe
@in_workspace(Action.MANAGE)
@at_most(CostlyKind.FILE)
def audit_csv(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    entries = search.of_workspace(workspace)
    return _csv(request, entries, f"audit-{workspace.slug}.csv", workspace)


@require_safe
@for_owners
def installation_audit(request: HttpRequest) -> HttpResponseBase:
    return _page(request, search.of_no_workspace())


@require_safe
@for_owners
@at_most(CostlyKind.FILE)
def installation_audit_csv(request: HttpRequest) -> HttpResponseBase:
    return _csv(request, search.of_no_workspace(), "audit.csv", None)


def _page(request: HttpRequest, entries: QuerySet[AuditEntry]) -> HttpResponseBase:
    form = search.SearchForm(request.GET)
    page = Paginator(search.search(entries, form), search.PAGE).get_page(request.GET.get("page"))
    asked = _without_page(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "page": page,
        "rows": [(entry, AuditAction(entry.action).label, words.changes(entry)) for entry in page],
        "people": search.people(entries),
        "asked": asked.urlencode(),
        "filtered": any(asked.values()),
    }
    # Names and addresses beside the words that were looked for.
    return left_plain(render(request, "connectors/settings/audit.html", context))


def _csv(
    request: HttpRequest, entries: QuerySet[AuditEntry], name: str, workspace: Workspace | None
) -> HttpResponseBase:
    """What is downloaded leaves an entry, which is the newest line of the file itself."""
    record(AuditAction.AUDIT_DOWNLOADED, by(request), workspace=workspace)
    found = search.search(entries, search.SearchForm(request.GET))
    answer = StreamingHttpResponse(search.as_csv(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _without_page(asked: QueryDict) -> QueryDict:
    left = asked.copy()
    left.pop("page", None)
    return left
