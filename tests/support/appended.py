"""What tests of the log share: events ready to append, and a reader that checks while it reads."""

from __future__ import annotations

import json
from typing import Any

from connectors.models import Workspace
from exporter.intake.normalise import normalise
from exporter.log import event_log, unpacking
from exporter.log.events import Incoming
from exporter.models import ReceivedTotal
from tests.support.factories import event


def incoming(numbers: range | list[int], **fields: Any) -> list[Incoming]:
    return [normalise(json.dumps(event(number, **fields)).encode()) for number in numbers]


def ids(workspace: Workspace) -> list[str]:
    headers = event_log.headers(workspace.pk, 0, 100_000)
    payloads = event_log.payloads([header.id for header in headers])
    return [json.loads(line)["id"] for header in headers for line in unpacking.lines(payloads[header.id])]


def assert_contiguous(workspace: Workspace) -> None:
    """Batches follow one another from 0 to the head, ages along, and the counts say the same."""
    reached, at = 0, None
    for header in event_log.headers(workspace.pk, 0, 100_000):
        assert header.first_event == reached
        assert at is None or header.received_at >= at
        assert (
            sum(events for events, _ in header.type_counts.values()) == header.end_event - header.first_event
        )
        reached, at = header.end_event, header.received_at
    assert reached == event_log.head(workspace.pk)
    assert reached == sum(ReceivedTotal.objects.filter(workspace=workspace).values_list("count", flat=True))
