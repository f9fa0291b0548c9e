"""Gathers everything a connector's page shows: sentence, flow diagram, charts, tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from exporter.display import answer_words, figures, flow_diagram, health_strip, incident_lines, type_table
from exporter.display.incident_timeline import happenings
from exporter.display.loss_countdown import countdown
from exporter.display.status_sentence import sentence
from exporter.display.type_table import Sort
from exporter.ledger.outcomes import Outcome
from exporter.models import Attempt
from exporter.reports import attempts, incident_history, replays, silent_types, time_series, windows
from exporter.reports import summary as status
from exporter.reports.balance import ALL, CHOICES, Choice, balance
from exporter.reports.health import Health
from exporter.reports.summary import Summary
from exporter.reports.trouble import trouble

SHOWN_TYPES, SHOWN_ATTEMPTS, SHOWN_INCIDENTS = 10, 5, 3
STALE = timedelta(minutes=1)


def gather(connector: Connector, choice: Choice, sort: Sort, *, all_types: bool) -> dict[str, Any]:
    """Six statements, seven while the connector fails, one more where events were rejected and one more where some
    have expired."""
    summary = status.summary(connector)
    told = trouble(summary)
    ledger = balance(summary, choice)
    drawn = flow_diagram.draw(ledger)
    window = windows.WEEK if choice is ALL else windows.WINDOWS[choice.name]
    found = time_series.trends(summary, window, ledger.not_sent_by_unit)
    rejected_word = flow_diagram.rejected_word(ledger)
    recent = status.attempts(summary.delivery_id, SHOWN_ATTEMPTS)
    silent = silent_types.silent(connector, summary.now)
    table = type_table.table(ledger, silent, sort, None if all_types else SHOWN_TYPES)
    return {
        "connector": connector,
        "summary": summary,
        "sentence": sentence(summary, summary.now, left_seconds(summary, recent)),
        "countdown": countdown(summary),
        "strip": health_strip.strip(found.strip, summary) if summary.received else None,
        "choice": choice,
        "choices": CHOICES,
        "sort": sort,
        "ledger": ledger,
        "stream": drawn,
        "stream_rows": flow_diagram.rows_of(drawn, ledger),
        "rejected_word": rejected_word,
        "table": table,
        "all_types": all_types,
        "events_figure": figures.events(found, rejected_word),
        "delays_figure": figures.delays(found),
        "hour_format": "j M" if found.window is windows.WEEK else "H:i",
        "happenings": happenings(summary, told),
        "answers": answer_words.shares(found.answers),
        "attempts": recent,
        "requests_within": found.window.label,
        "next_try": attempts.next_try(summary, recent),
        "expired": replays.expired(connector) if summary.outcomes.get(Outcome.EXPIRED) else None,
        # While there is trouble, what happened stands above.
        "incidents": [] if told else _past(summary),
        "now": summary.now,
        **_settings(connector, summary),
    }


def _past(summary: Summary) -> list[incident_lines.IncidentLine]:
    return [incident_lines.line(one) for one in incident_history.latest(summary, SHOWN_INCIDENTS)]


def left_seconds(summary: Summary, recent: Sequence[Attempt]) -> float | None:
    """How long the backlog will last at the rate of the newest attempts; None if they do not tell."""
    accepted = [attempt for attempt in recent if attempt.verdict == "accepted"]
    if len(accepted) < 2 or summary.now - accepted[0].at > STALE:
        return None
    newest, oldest = accepted[0], accepted[-1]
    seconds, passed = (newest.at - oldest.at).total_seconds(), newest.last_event - oldest.last_event
    return summary.pending * seconds / passed if seconds > 0 and passed > 0 else None


def _can_try(summary: Summary) -> bool:
    """Whether *Try again now* does something: while paused nothing is tried."""
    if summary.connector.is_paused:
        return False
    losing = summary.health == Health.LOSING_EVENTS and summary.failing_since is not None
    return losing or summary.health in (Health.KEY_REJECTED, Health.REQUEST_REFUSED, Health.RETRYING)


def _settings(connector: Connector, summary: Summary) -> dict[str, Any]:
    return {
        "chosen": len(connector.selected_events),
        "all_events": len(CATALOGUE.events),
        "paused": connector.is_paused,
        "can_try": _can_try(summary),
        "intake_address": f"{settings.SITE_URL}/api/v1/events",
    }
