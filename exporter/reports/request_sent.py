"""The request of an attempt as it was sent: made again from the log and the settings of its time, never stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings

from exporter.destinations.segment.transform import Plan, convert
from exporter.destinations.sender import endpoint
from exporter.ledger.outcomes import Outcome
from exporter.models import Attempt, Replay, Revision
from exporter.reports import attempts, masking

MOST_CALLS = 3
_LOOKED_AT = 20 * MOST_CALLS
KEY = "$WRITE_KEY"


@dataclass(frozen=True, slots=True)
class RequestSent:
    """`head` is the request's head with the name of the key in place of the key; `calls` are the first ones, as the
    reader may see them. `curl` sends them again; empty where something in them is hidden."""

    url: str
    head: str
    calls: list[dict[str, Any]]
    curl: str


def request_sent(attempt: Attempt, *, personal: bool) -> RequestSent | None:
    """None where the settings of its time or the events are kept no longer, or where it bore ids of its own."""
    revision = (
        Revision.objects.filter(connector_id=attempt.delivery.connector_id, created_at__lte=attempt.at)
        .order_by("-pk")
        .first()
    )
    if revision is None or _has_own_ids(attempt):
        return None
    made = _calls(attempt, Plan(frozenset(revision.selected_events), revision.include_anonymous))
    if not made:
        return None
    url = f"{settings.SEGMENT_URLS[revision.region]}/v1/batch"
    head = endpoint(url).head.decode("ascii")
    head += f"Authorization: Basic base64({KEY}:)\r\nContent-Length: {attempt.bytes}"
    calls = [masking.call_shown(call, line, personal=personal) for line, call in made]
    return RequestSent(url, head.replace("\r\n", "\n"), calls, _curl(url, attempt, made) if personal else "")


def _has_own_ids(attempt: Attempt) -> bool:
    return Replay.objects.filter(delivery=attempt.delivery, same_ids=False).exists()


def _calls(attempt: Attempt, plan: Plan) -> list[tuple[bytes, bytes]]:
    """The stored lines with their calls."""
    found = []
    for line in attempts.lines_of(attempt, _LOOKED_AT):
        judged = convert(line, plan)
        if judged.outcome == Outcome.DELIVERED and judged.call is not None:
            found.append((line, judged.call))
    return found[:MOST_CALLS]


def _curl(url: str, attempt: Attempt, made: list[tuple[bytes, bytes]]) -> str:
    sent_at = attempt.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    calls = [json.loads(call) for _line, call in made]
    body = json.dumps({"batch": calls, "sentAt": sent_at}, ensure_ascii=False)
    quoted = body.replace("'", "'\\''")
    return f"curl -i '{url}' -u \"{KEY}:\" -H 'Content-Type: application/json' --data-raw '{quoted}'"
