"""The table by event type as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from connectors.web.csv_cells import plain
from exporter.ledger.outcomes import Outcome
from exporter.reports.windows import TypeFlow


def by_type(rows: Iterable[TypeFlow]) -> str:
    """A heading and a line per event type; every line adds up."""
    text = io.StringIO()
    writer = csv.writer(text)
    outcomes = [outcome.value for outcome in Outcome]
    writer.writerow(["event_type", "segment_event", "received", *outcomes, "pending", "last_received_at"])
    for row in rows:
        last = row.last_received_at.isoformat() if row.last_received_at else ""
        counts = [row.outcomes.get(outcome, 0) for outcome in outcomes]
        writer.writerow(
            [plain(row.event_type), plain(row.segment_event), row.received, *counts, row.pending, last]
        )
    return text.getvalue()
