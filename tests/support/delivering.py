"""A working connector over a real log, and a sandbox that stands for Segment; used by all tests that deliver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from connectors.audit.actor import By
from connectors.catalogue.catalogue import ALL
from connectors.models import Connector, Workspace
from connectors.setup import lifecycle
from connectors.setup.lifecycle import Settings
from exporter.delivery.deliver import deliver
from exporter.intake import appender
from exporter.intake.normalise import normalise
from exporter.ledger.check import check
from exporter.models import Delivery
from exporter.sandbox.handle import Sandbox, running_sandbox
from tests.support.factories import WorkspaceFactory, event

NOBODY = By(None)
EMAIL_OPEN = "users.messages.email.Open"


class Line:
    """The whole line from the log to the sandbox, for one workspace."""

    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        self.sandbox = sandbox
        self.workspace: Workspace = WorkspaceFactory.create()
        self.connector = self.launch(self.workspace, **options)
        self.fed = 0

    @staticmethod
    def launch(
        workspace: Workspace,
        selected: Sequence[str] = tuple(sorted(ALL)),
        include_anonymous: bool = False,
        write_key: str = "a-key-for-the-sandbox",
    ) -> Connector:
        chosen = Settings("Segment", "data@example.com", list(selected), include_anonymous)
        return lifecycle.launch(workspace, chosen, region="us", write_key=write_key, by=NOBODY)

    def feed(self, count: int, **fields: Any) -> list[str]:
        """Appends so many numbered events and answers their ids."""
        made = [event(self.fed + number, **fields) for number in range(count)]
        self.fed += count
        return self.feed_events(made)

    def feed_events(self, events: Sequence[dict[str, Any]]) -> list[str]:
        incoming = [normalise(json.dumps(one).encode()) for one in events]
        receipt = appender.append_now(self.workspace.pk, incoming)
        assert receipt.accepted == len(events)
        return [one.id for one in incoming]

    @property
    def delivery(self) -> Delivery:
        return Delivery.objects.get(connector=self.connector, kind="live")

    def make_due(self) -> None:
        """As if the time of the next attempt had come."""
        Delivery.objects.filter(connector=self.connector).update(next_attempt_at=None)

    def deliver(self) -> str:
        return deliver(self.delivery.pk)

    def outcomes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for outcome, count in self.delivery.deliverytotal_set.values_list("outcome", "count"):
            found[outcome] = found.get(outcome, 0) + count
        return found

    def arrived(self) -> list[str]:
        return self.sandbox.message_ids()


@contextmanager
def a_line(**options: Any) -> Iterator[Line]:
    """A line whose ledger must balance at the end."""
    sandbox_options = {
        name: options.pop(name) for name in ("keys", "latency_ms", "unknown_key") if name in options
    }
    with running_sandbox(remember=200_000, **sandbox_options) as sandbox:
        before = settings.SEGMENT_URLS
        settings.SEGMENT_URLS = {"us": sandbox.url, "eu": sandbox.url}
        try:
            line = Line(sandbox, **options)
            yield line
            assert check() == []
        finally:
            settings.SEGMENT_URLS = before
