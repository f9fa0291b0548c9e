"""What stands around every page of a workspace: a banner per connector in trouble, and whether intake is receiving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from connectors.models import Connector, Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.time_words import by_the_clock
from exporter.dispatch.heartbeats import SILENT_SECONDS
from exporter.dispatch.queues import QUEUES, part_of
from exporter.display.sentence_parts import events, waiting_until_loss
from exporter.reports import summary as status
from exporter.reports.health import LOSING, Health
from exporter.reports.summary import Summary
from exporter.views.live_page import stamped

# Intake that got nothing for so long is called quiet; nothing has to be wrong with it.
QUIET_AFTER = timedelta(hours=1)
_SIGNS = """
SELECT (SELECT last_received_at FROM exporter_eventlog WHERE workspace_id = %(workspace)s AND next_event > 0),
       ARRAY(SELECT connector_id FROM exporter_delivery
              WHERE workspace_id = %(workspace)s AND kind = 'live'
                AND (stopped <> '' OR expired_at > clock_timestamp() - %(losing)s)),
       (SELECT min(heard) FROM (SELECT max(at) AS heard FROM exporter_heartbeat
                                 WHERE part = ANY(%(parts)s) GROUP BY part) queues
         WHERE heard < clock_timestamp() - make_interval(secs => %(silent)s))
"""


@dataclass(frozen=True, slots=True)
class Banner:
    """One connector in trouble; `address` is the page that helps."""

    health: str
    sentence: str
    address: str


class Surroundings:
    """Asked by templates only, so that a page without a sidebar asks the database nothing. One statement; two
    more where a connector is in trouble."""

    def __init__(self, workspace: Workspace | None, here: str) -> None:
        self.workspace = workspace
        self.here = here

    @cached_property
    def banners(self) -> list[Banner]:
        """The troubles of the workspace, but for the one whose page this is."""
        if self.workspace is None:
            return []
        slug = self.workspace.slug
        elsewhere = [pk for pk in self._signs[1] if reverse("status", args=[slug, pk]) != self.here]
        if not elsewhere:
            return []
        rows = Connector.objects.filter(pk__in=elsewhere).select_related("workspace", "paused_by")
        troubled = [row for row in status.summaries(rows) if row.health.trouble]
        return [
            Banner(row.health.value, tell(row), reverse("status", args=[slug, row.connector.pk]))
            for row in troubled
        ]

    @property
    def last_received_at(self) -> datetime | None:
        return self._signs[0]

    @property
    def receiving(self) -> bool:
        return is_receiving(self.last_received_at)

    @property
    def worker_silent(self) -> str:
        """A sentence where a queue has no worker any more; one that never had any is no silence."""
        heard = self._signs[2]
        if heard is None:
            return ""
        return _(
            "Nothing has been heard of it since %(when)s. Whoever runs the server has to start it again."
        ) % {"when": by_the_clock(heard, timezone.now())}

    @cached_property
    def _signs(self) -> tuple[datetime | None, list[int], datetime | None]:
        if self.workspace is None:
            return None, [], None
        with connection.cursor() as cursor:
            terms: dict[str, Any] = {
                "workspace": self.workspace.pk,
                "losing": LOSING,
                "silent": SILENT_SECONDS,
                "parts": [part_of(queue) for queue in QUEUES],
            }
            cursor.execute(_SIGNS, terms)
            row: tuple[datetime | None, list[int], datetime | None] = cursor.fetchone()
        return row


def is_receiving(last_received_at: datetime | None) -> bool:
    return last_received_at is not None and timezone.now() - last_received_at < QUIET_AFTER


def tell(summary: Summary) -> str:
    """`Lifecycle events has delivered nothing since 09:12. 12,684 events are waiting; …`"""
    name = summary.connector.name
    if summary.health == Health.LOSING_EVENTS:
        return _("%(name)s has lost %(events)s so far.") % {"name": name, "events": events(summary.lost)}
    since = summary.failing_since
    what = (
        _("%(name)s has delivered nothing since %(when)s.")
        % {"name": name, "when": by_the_clock(since, summary.now)}
        if since
        else _("%(name)s delivers nothing.") % {"name": name}
    )
    return f"{what} {waiting_until_loss(summary, summary.now)}"


def surroundings(request: HttpRequest) -> dict[str, Any]:
    """A context processor: `around` in every template."""
    return {"around": Surroundings(getattr(request, "workspace", None), request.path)}


@require_safe
@in_workspace(Action.SEE)
def banner(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """`?here=` is the path of the page that asks, which needs no banner pointing at itself."""
    around = Surroundings(workspace, request.GET.get("here", ""))
    content = render_to_string("exporter/banner_live.html", {"around": around}, request)
    fresh = stamped(request, content)
    return HttpResponse(status=204) if fresh is None else HttpResponse(fresh)
