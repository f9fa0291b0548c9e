"""Summaries without a database, for what turns facts into words and shapes."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from connectors.models import Connector, Workspace
from exporter.ledger.outcomes import Outcome
from exporter.models import Stopped
from exporter.reports.health import Health
from exporter.reports.summary import Summary

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
_VALUES: dict[str, Any] = {
    "connector": Connector(workspace=Workspace(), name="Segment", contact_email="data@example.com"),
    "outcomes": {outcome.value: 0 for outcome in Outcome},
    "hourly": [0] * 24,
    "key_last4": "0000",
    "key_fingerprint": "",
    "key_created_at": NOW,
    "last_answer": "",
    "stopped": "",
    "now": NOW,
    **dict.fromkeys(
        (
            "failing_since",
            "key_rejected_at",
            "key_rejected_again_at",
            "next_attempt_at",
            "accepted_at",
            "oldest_pending_at",
            "first_loss_at",
            "losing_since",
            "accepting_since",
        )
    ),
}


def a_summary(health: Health, **known: Any) -> Summary:
    """A connector of this health; numbers nobody names are 0, moments nobody names are None."""
    plain = Summary(**{field.name: _VALUES.get(field.name, 0) for field in fields(Summary)})
    stopped = {"stopped": health.value} if health.value in Stopped.values else {}
    return replace(plain, health=health, **(stopped | known))
