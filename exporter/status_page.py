"""Everything a connector's page shows, gathered once: sentence, stream, tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from connectors.catalogue import CATALOGUE
from connectors.models import Connector, State
from connectors.moments import exactly
from exporter import status, stream
from exporter.health import Health
from exporter.sentences import sentence
from exporter.status import Summary, TypeRow

SHOWN_TYPES, SHOWN_ATTEMPTS = 10, 10
# States that need a person before events are lost; the others show the countdown from half time on.
NEED_A_PERSON = {Health.KEY_UNREADABLE, Health.KEY_REJECTED, Health.REQUEST_REFUSED}
MAY_END_IN_LOSS = NEED_A_PERSON | {Health.PAUSED, Health.RETRYING}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the stream where it is too narrow to be drawn; `width` is in percent."""

    label: str
    count: int
    width: float = 0
    colour: str = ""
    station: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """The way to the first loss: what is left, in words, and how much is gone, in thousandths."""

    left: str
    gone: int


def gather(connector: Connector) -> dict[str, Any]:
    summary = status.summary(connector)
    types = status.by_type(connector)
    drawn = stream.draw(summary.received, summary.outcomes, summary.pending)
    return {
        "connector": connector,
        "summary": summary,
        "sentence": sentence(summary, summary.now),
        "loss": loss_of(summary),
        "stream": drawn,
        "stream_rows": rows_of(drawn, summary),
        "off_by": abs(summary.received - sum(summary.outcomes.values()) - summary.pending),
        "types": types[:SHOWN_TYPES],
        "more_types": types[SHOWN_TYPES:],
        "totals": TypeRow("", "", summary.received, summary.outcomes, summary.pending, None),
        "attempts": status.attempts(connector, SHOWN_ATTEMPTS),
        "chosen": len(connector.selected_events),
        "all_events": len(CATALOGUE.events),
        "now": summary.now,
        "paused": connector.state == State.PAUSED,
        "can_try": summary.health in (Health.KEY_REJECTED, Health.REQUEST_REFUSED, Health.RETRYING),
        "intake_address": f"{settings.SITE_URL}/api/v1/events",
    }


def loss_of(summary: Summary) -> Loss | None:
    if summary.health not in MAY_END_IN_LOSS or not summary.oldest_pending_at or not summary.first_loss_at:
        return None
    whole = (summary.first_loss_at - summary.oldest_pending_at).total_seconds()
    gone = (summary.now - summary.oldest_pending_at).total_seconds()
    if summary.health not in NEED_A_PERSON and gone < whole / 2:
        return None
    return Loss(exactly(summary.first_loss_at - summary.now), round(1000 * min(max(gone / whole, 0), 1)))


def rows_of(drawn: stream.Stream, summary: Summary) -> list[Row]:
    def station(label: str, count: int) -> Row:
        return Row(label, count, round(drawn.width_of(count), 1), station=True)

    def leaving(label: str, count: int, colour: str = "") -> Row:
        return Row(label, count, colour=colour if count else "zero")

    lost = summary.outcomes
    return [
        station(_("Received from Braze"), drawn.received),
        leaving(_("waiting"), summary.pending, "caution"),
        leaving(_("not selected"), lost["unselected"]),
        leaving(_("unsupported type"), lost["unsupported"]),
        station(_("Selected"), drawn.selected),
        leaving(_("no external user ID"), lost["anonymous"]),
        leaving(_("expired"), lost["expired"], "trouble"),
        station(_("Sent"), drawn.sent),
        leaving(_("rejected by Segment"), lost["rejected"], "trouble"),
        station(_("Accepted by Segment"), drawn.accepted),
    ]
