"""All workspaces: every connector one may see, trouble first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from connectors.models import Connector
from connectors.web.permissions import workspaces_of
from exporter.display.health_words import HEALTH
from exporter.reports import summary
from exporter.reports.summary import Summary
from exporter.views.connector_list import by_trouble
from exporter.views.live_page import page_or_part

ROWS = 50
# What a row shows; the lists of chosen events alone would be thousands of strings.
_SHOWN = ("name", "state", "paused_at", "contact_email", "workspace__name", "workspace__slug")


@require_safe
@login_required
def workspaces(request: HttpRequest) -> HttpResponse:
    wanted, health = request.GET.get("q", "").strip(), request.GET.get("health", "")
    mine = workspaces_of(request)
    connectors = Connector.objects.filter(workspace__in=mine).select_related("workspace").only(*_SHOWN)
    everything = summary.summaries(connectors)
    found = [row for row in everything if matches(row, wanted) and health in ("", row.health.value)]
    empty = list(mine.filter(connectors__isnull=True).order_by("name")[:ROWS])
    page = Paginator(sorted(found, key=by_trouble), ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "total": len(everything),
        "empty": [row for row in empty if wanted.casefold() in row.name.casefold()] if not health else [],
        "wanted": wanted,
        "health": health,
        "choices": choices(everything),
        "filtered": bool(wanted or health),
    }
    return page_or_part(request, "exporter/workspaces.html", "exporter/workspaces_live.html", context)


def matches(row: Summary, wanted: str) -> bool:
    connector = row.connector
    text = f"{connector.name} {connector.workspace.name} {connector.workspace.slug} {connector.contact_email}"
    return all(word in text.casefold() for word in wanted.casefold().split())


def choices(rows: Iterable[Summary]) -> list[tuple[str, str, int]]:
    """The healths for the filter with how many connectors have each."""
    counted = Counter(row.health.value for row in rows)
    return [(health, str(word), counted[health]) for health, (word, _colour, _icon) in HEALTH.items()]
