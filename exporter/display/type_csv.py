"""The table by event type as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connectors.catalogue.catalogue import CATALOGUE
from connectors.web.csv_cells import plain
from exporter.reports.balance import Balance, Rejected

# By key, in the page's words. What follows the last moment tells the column `rejected` apart.
COLUMNS: dict[str, str | Promise] = {
    "event_type": _("Event type"),
    "segment_event": _("Event in Segment"),
    "received": _("Received"),
    "delivered": _("Accepted"),
    "unselected": _("Not selected"),
    "anonymous": _("No user ID"),
    "unsupported": _("Unsupported"),
    "rejected": _("Rejected or not sent"),
    "expired": _("Expired"),
    "pending": _("Waiting"),
    "last_received_at": _("Last seen"),
    "rejected_by_segment": _("Rejected by Segment"),
    "too_large": _("Too large to send (limit 32 KB)"),
    "would_be_dropped": _("Would be dropped by Segment, so not sent"),
}


def by_type(ledger: Balance) -> str:
    """A heading in words, one of keys, and a line per event type: received = the outcomes + pending, and
    rejected = the last three columns, which are empty where only their sum is known."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([str(word) for word in COLUMNS.values()])
    writer.writerow(list(COLUMNS))
    for row in ledger.types:
        cells: dict[str, object] = {
            "event_type": plain(row.event_type),
            "segment_event": plain(_in_segment(row.event_type)),
            "received": row.received,
            "pending": row.pending,
            "last_received_at": row.last_received_at.isoformat() if row.last_received_at else "",
            **_told_apart(ledger, row.event_type),
        }
        writer.writerow([cells.get(key, row.outcomes.get(key, 0)) for key in COLUMNS])
    return text.getvalue()


def _in_segment(event_type: str) -> str:
    """What Segment sees, in any language; empty where each event brings its own name or the type has none."""
    known = CATALOGUE.by_name.get(event_type)
    return known.segment_event if known else ""


def _told_apart(ledger: Balance, event_type: str) -> dict[str, object]:
    by_segment, too_large, would_be_dropped = ledger.rejected_by_type.get(event_type, Rejected())
    counts = {
        "rejected_by_segment": by_segment,
        "too_large": too_large,
        "would_be_dropped": would_be_dropped,
    }
    return {name: count if ledger.told_apart else "" for name, count in counts.items()}
