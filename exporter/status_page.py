"""Everything a connector's page shows, gathered once: sentence, stream, charts, tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from connectors.catalogue import CATALOGUE
from connectors.models import Connector, State
from exporter import answers, figures, silence, status, stream, strip, trends, type_table, windows
from exporter.balance import ALL, CHOICES, Choice, balance
from exporter.countdown import countdown
from exporter.happenings import happenings
from exporter.health import Health
from exporter.sentences import sentence
from exporter.status import Summary
from exporter.type_table import Sort

SHOWN_TYPES, SHOWN_ATTEMPTS = 10, 5


def gather(connector: Connector, choice: Choice, sort: Sort) -> dict[str, Any]:
    """Five statements, six while the connector fails."""
    summary = status.summary(connector)
    ledger = balance(summary, choice)
    drawn = stream.draw(ledger.received, ledger.outcomes, ledger.pending)
    found = trends.trends(summary, windows.WEEK if choice is ALL else windows.WINDOWS[choice.name])
    # Since launch is asked in two statements instead of one; what is silent is told in the windows.
    silent = [] if choice is ALL else silence.silent(connector, summary.now)
    table = type_table.table(ledger.types, silent, sort, SHOWN_TYPES)
    return {
        "connector": connector,
        "summary": summary,
        "sentence": sentence(summary, summary.now),
        "countdown": countdown(summary),
        "strip": strip.strip(found.strip, summary.now) if summary.received else None,
        "choice": choice,
        "choices": CHOICES,
        "sort": sort,
        "ledger": ledger,
        "stream": drawn,
        "stream_rows": stream.rows_of(drawn, ledger),
        "table": table,
        "events_figure": figures.events(found),
        "delays_figure": figures.delays(found),
        "hour_format": "j M" if found.window is windows.WEEK else "H:i",
        "happenings": happenings(summary),
        "answers": answers.shares(found.answers),
        "attempts": status.attempts(connector, SHOWN_ATTEMPTS),
        "now": summary.now,
        **_settings(connector, summary),
    }


def _settings(connector: Connector, summary: Summary) -> dict[str, Any]:
    return {
        "chosen": len(connector.selected_events),
        "all_events": len(CATALOGUE.events),
        "paused": connector.state == State.PAUSED,
        "can_try": summary.health in (Health.KEY_REJECTED, Health.REQUEST_REFUSED, Health.RETRYING),
        "intake_address": f"{settings.SITE_URL}/api/v1/events",
    }
