"""Volume: since when a workspace has been receiving far less than it used to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connectors.models import Connector
from exporter import sql
from exporter.reports.windows import Flow

# A fall of so much is worth a look.
FALL = 0.8
# So few events a window fall by chance.
LEAST_BEFORE = 50

_BY_UNIT = """
SELECT to_timestamp(floor(extract(epoch FROM minute) / %(unit)s) * %(unit)s), sum(count)::bigint
  FROM exporter_receivedcount
 WHERE workspace_id = %(workspace)s AND minute >= %(before)s AND minute < %(running)s
 GROUP BY 1 ORDER BY 1
"""


def fell_since(connector: Connector, flow: Flow) -> datetime | None:
    """The end of the last minute (of the hour's window) or hour that was above a fifth of what was usual; None where
    nothing fell. One statement where something did."""
    if flow.change is None or flow.change > -FALL or flow.before < LEAST_BEFORE:
        return None
    unit = flow.window.unit
    running = int(flow.now.timestamp()) // unit * unit
    usual = flow.before / (flow.window.seconds / unit)
    terms: dict[str, Any] = {
        "workspace": connector.workspace_id,
        "unit": unit,
        "before": flow.since - timedelta(seconds=flow.window.seconds),
        "running": flow.now.replace(microsecond=0) - timedelta(seconds=int(flow.now.timestamp()) - running),
    }
    counts = sql.execute(_BY_UNIT, terms)
    high = [begin for begin, count in counts if count > (1 - FALL) * usual]
    last: datetime = high[-1] if high else flow.since - timedelta(seconds=unit)
    return last + timedelta(seconds=unit)
