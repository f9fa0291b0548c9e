"""All workspaces: every connector one may see, trouble first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import overload

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from connectors.models import Connector, Workspace
from connectors.web.permissions import workspaces_of
from connectors.web.storable_text import storable
from exporter.display.health_words import HEALTH
from exporter.reports import summary
from exporter.reports.standing import Standing, standings
from exporter.reports.summary import Summary
from exporter.views.connector_list import trouble_first
from exporter.views.live_page import page_or_part

ROWS = 50
# What a row shows; the lists of chosen events alone would be thousands of strings.
_SHOWN = ("name", "state", "paused_at", "contact_email", "workspace__name", "workspace__slug")


@require_safe
@login_required
def workspaces(request: HttpRequest) -> HttpResponse:
    wanted, health = storable(request.GET.get("q", "").strip()), request.GET.get("health", "")
    mine = workspaces_of(request)
    everything = standings(mine, wanted)
    found = [one for one in everything if one.matches and health in ("", one.health)]
    page = Paginator(TroubleFirst(found), ROWS).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _summaries(page.object_list),
        "total": len(everything),
        "empty": [] if health else list(_without_connector(mine, wanted)),
        "wanted": wanted,
        "health": health,
        "choices": choices(everything),
        "filtered": bool(wanted or health),
    }
    return page_or_part(request, "exporter/workspaces.html", "exporter/workspaces_live.html", context)


class TroubleFirst(Sequence[Standing]):
    """Standings in the order of every list, of which only the healths of the page asked for are put in order."""

    def __init__(self, found: Iterable[Standing]) -> None:
        self._of: dict[str, list[Standing]] = {health: [] for health in HEALTH}
        for one in found:
            self._of[one.health].append(one)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    @overload
    def __getitem__(self, wanted: int) -> Standing: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[Standing]: ...

    def __getitem__(self, wanted: int | slice) -> Standing | list[Standing]:
        if isinstance(wanted, int):
            return self[: len(self)][wanted]
        page: list[Standing] = []
        start, stop, _step = wanted.indices(len(self))
        for some in self._of.values():
            if start < len(some) and stop > 0:
                some.sort(key=lambda one: trouble_first(one.health, one.workspace, one.name))
                page += some[max(0, start) : stop]
            start, stop = start - len(some), stop - len(some)
        return page


def _summaries(page: Iterable[Standing]) -> list[Summary]:
    """In the order given; what was deleted meanwhile is missing."""
    connectors = Connector.objects.select_related("workspace").only(*_SHOWN)
    found = connectors.in_bulk([one.connector_id for one in page])
    return summary.summaries(found[one.connector_id] for one in page if one.connector_id in found)


def _without_connector(mine: QuerySet[Workspace], wanted: str) -> QuerySet[Workspace]:
    named = Q()
    for word in wanted.split():
        named &= Q(name__icontains=word) | Q(slug__icontains=word)
    return mine.filter(named, connectors__isnull=True).order_by("name")[:ROWS]


def choices(rows: Iterable[Standing]) -> list[tuple[str, str, int]]:
    """The healths for the filter with how many connectors have each."""
    counted = Counter[str](row.health for row in rows)
    return [(health, str(word), counted[health]) for health, (word, _colour, _icon) in HEALTH.items()]
