"""All workspaces: every connector one may see, trouble first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from connectors.models import Connector, Workspace
from connectors.web.folding import with_words
from connectors.web.permissions import workspaces_of
from connectors.web.storable_text import storable
from exporter.display.health_words import HEALTH
from exporter.reports import summary
from exporter.reports.health import Health
from exporter.reports.standing import Standings
from exporter.reports.summary import Summary
from exporter.views.live_page import page_or_part

ROWS = 50
# What a row shows; the lists of chosen events alone would be thousands of strings.
_SHOWN = ("name", "state", "paused_at", "contact_email", "workspace__name", "workspace__slug")


@require_safe
@login_required
def workspaces(request: HttpRequest) -> HttpResponse:
    wanted, health = storable(request.GET.get("q", "").strip()), request.GET.get("health", "")
    mine = workspaces_of(request)
    standings = Standings(mine, _matching(mine, wanted) if wanted else None, health)
    page = Paginator(standings, ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _summaries(page.object_list),
        "total": standings.counts.total(),
        "empty": [] if health else _without_connector(mine, wanted),
        "wanted": wanted,
        "health": health,
        "choices": choices(standings.counts),
        "filtered": bool(wanted or health),
    }
    return page_or_part(request, "exporter/workspaces.html", "exporter/workspaces_live.html", context)


def _matching(mine: QuerySet[Workspace], wanted: str) -> list[int]:
    """The connectors with all the words in their names and contacts."""
    texts = ("name", "workspace__name", "workspace__slug", "contact_email")
    return with_words(Connector.objects.filter(workspace__in=mine), wanted, *texts)


def _summaries(page: Iterable[int]) -> list[Summary]:
    """In the order given; what was deleted meanwhile is missing."""
    found = Connector.objects.select_related("workspace").only(*_SHOWN).in_bulk(page := list(page))
    return summary.summaries(found[pk] for pk in page if pk in found)


def _without_connector(mine: QuerySet[Workspace], wanted: str) -> list[Workspace]:
    without = mine.filter(connectors__isnull=True).order_by("name")
    if not wanted:
        return list(without[:ROWS])
    found = with_words(without, wanted, "name", "slug")[:ROWS]
    return list(mine.filter(pk__in=found).order_by("name"))


def choices(counts: Mapping[Health, int]) -> list[tuple[str, str, int]]:
    """The healths for the filter with how many connectors have each."""
    return [
        (health, str(word), counts.get(Health(health), 0))
        for health, (word, _colour, _icon) in HEALTH.items()
    ]
